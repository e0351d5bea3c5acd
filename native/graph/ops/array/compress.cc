// Compress and NonZero: how much comes out follows from the elements. Their operands are looked at when planning and
// again when running, so running never writes more than was planned, whatever happened to the bytes in between.
#include <algorithm>
#include <cstring>

#include "graph/ops/array/selection.h"
#include "graph/ops/element_types.h"
#include "graph/ops/support.h"
#include "graph/ops/walk.h"

namespace sealedge {

namespace {

Error contents_unknown(const char* name) {
  return op_unsupported(std::string(name) + " depends on the data of a run, so the shape cannot be planned");
}
Error contents_changed() { return Error{ErrorCode::kInputInvalid, "the input was changed during the run"}; }

class CompressKernel final : public Kernel {
 public:
  CompressKernel(size_t outer, size_t conditions, size_t axis_bytes, size_t inner_bytes, size_t kept)
      : outer_(outer), conditions_(conditions), axis_bytes_(axis_bytes), inner_bytes_(inner_bytes), kept_(kept) {}

  Result<void> run(const RunArgs& args) const override {
    size_t found = 0;
    for (size_t i = 0; i < conditions_; ++i) {
      if (args.inputs[1][i] == 0) continue;
      if (found == kept_) return contents_changed();
      for (size_t o = 0; o < outer_; ++o) {
        std::memcpy(args.outputs[0] + (o * kept_ + found) * inner_bytes_,
                    args.inputs[0] + o * axis_bytes_ + i * inner_bytes_, inner_bytes_);
      }
      ++found;
    }
    if (found != kept_) return contents_changed();
    return {};
  }

 private:
  size_t outer_, conditions_, axis_bytes_, inner_bytes_, kept_;
};

class CompressOp final : public LinearTimeOp {
 public:
  explicit CompressOp(std::optional<int64_t> axis) : axis_(axis) {}
  const char* op_type() const override { return "Compress"; }
  bool needs_contents(size_t input) const override { return input == 1; }
  double infer_work(std::span<const Operand> inputs) const override { return element_count(inputs.subspan(1, 1)); }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand &x = inputs[0], &condition = inputs[1];
    if (condition.type != DataType::kBool || condition.dims.size() != 1) {
      return model_invalid("condition: expected bool of rank 1");
    }
    if (condition.dims[0] > 0 && !condition.data) return contents_unknown("condition");
    int64_t length = element_count(x.dims);
    if (axis_) {
      SEALEDGE_ASSIGN(const size_t axis, resolve_axis(*axis_, x.dims.size()));
      length = x.dims[axis];
    }
    const int64_t looked_at = std::min(condition.dims[0], length);
    const int64_t kept =
        std::count_if(condition.data, condition.data + looked_at, [](uint8_t byte) { return byte != 0; });
    TensorFact fact{x.type, {kept}};
    if (axis_) {
      fact.dims = x.dims;
      fact.dims[*resolve_axis(*axis_, x.dims.size())] = kept;
    }
    return std::vector<TensorFact>{std::move(fact)};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Dims& dims = setup.inputs[0].dims;
    size_t outer = 1, inner_bytes = data_type_size_bytes(setup.inputs[0].type);
    int64_t length = element_count(dims), kept = setup.outputs[0].dims[0];
    if (axis_) {
      const size_t axis = *resolve_axis(*axis_, dims.size());
      for (size_t d = 0; d < axis; ++d) outer *= static_cast<size_t>(dims[d]);
      for (size_t d = axis + 1; d < dims.size(); ++d) inner_bytes *= static_cast<size_t>(dims[d]);
      length = dims[axis];
      kept = setup.outputs[0].dims[axis];
    }
    const int64_t conditions = std::min(setup.inputs[1].dims[0], length);
    return std::unique_ptr<Kernel>(std::make_unique<CompressKernel>(outer, static_cast<size_t>(conditions),
                                                                    static_cast<size_t>(length) * inner_bytes,
                                                                    inner_bytes, static_cast<size_t>(kept)));
  }

 private:
  std::optional<int64_t> axis_;
};

template <typename T>
bool is_non_zero(T value) {
  return value != T{};  // a NaN is not zero, either zero is
}

template <typename T>
class NonZeroKernel final : public Kernel {
 public:
  NonZeroKernel(Dims dims, size_t found) : dims_(std::move(dims)), found_(found) {}
  Result<void> run(const RunArgs& args) const override {
    const auto* x = reinterpret_cast<const T*>(args.inputs[0]);
    auto* y = reinterpret_cast<int64_t*>(args.outputs[0]);
    const auto count = static_cast<size_t>(element_count(dims_));
    size_t at = 0;
    for (size_t i = 0; i < count; ++i) {
      if (!is_non_zero(x[i])) continue;
      if (at == found_) return contents_changed();
      size_t rest = i;
      for (size_t d = dims_.size(); d-- > 0; rest /= static_cast<size_t>(dims_[d])) {
        y[d * found_ + at] = static_cast<int64_t>(rest % static_cast<size_t>(dims_[d]));
      }
      ++at;
    }
    if (at != found_) return contents_changed();
    return {};
  }

 private:
  Dims dims_;
  size_t found_;
};

class NonZeroOp final : public LinearTimeOp {
 public:
  const char* op_type() const override { return "NonZero"; }
  bool needs_contents(size_t) const override { return true; }
  double infer_work(std::span<const Operand> inputs) const override { return element_count(inputs); }
  bool may_copy_input(size_t) const override { return false; }

  // (rank, number found); a scalar gives (0, number found) (NonZero-13).
  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand& x = inputs[0];
    const int64_t count = element_count(x.dims);
    if (count > 0 && !x.data) return contents_unknown("the input");
    const auto found = dispatch_type(AllTypes{}, x.type, [&]<typename T>() -> std::optional<int64_t> {
      const auto* elements = reinterpret_cast<const T*>(x.data);
      return std::count_if(elements, elements + count, is_non_zero<T>);
    });
    if (!found) return op_unsupported(data_type_name(x.type));
    return std::vector<TensorFact>{{DataType::kInt64, {static_cast<int64_t>(x.dims.size()), *found}}};
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const auto found = static_cast<size_t>(setup.outputs[0].dims[1]);
    return dispatch_type(AllTypes{}, setup.inputs[0].type, [&]<typename T>() -> std::unique_ptr<Kernel> {
      return std::make_unique<NonZeroKernel<T>>(setup.inputs[0].dims, found);
    });
  }
};

}  // namespace

OpPtr make_compress(std::optional<int64_t> axis) { return std::make_shared<CompressOp>(axis); }
OpPtr make_non_zero() { return std::make_shared<NonZeroOp>(); }

}  // namespace sealedge
