// OneHot: a new axis of `depth` places, holding on_value where the index says and off_value elsewhere. An index beyond
// depth on either side gives off_value everywhere (OneHot-11).
#include <cmath>
#include <cstring>
#include <utility>

#include "graph/ops/array/selection.h"
#include "graph/ops/element_types.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

// Indices and depth may be of any numeric type; a fraction is dropped. INT64_MIN is never a valid place.
template <typename T>
int64_t as_index(T value) {
  if constexpr (kIsFloating<T>) {
    const auto wide = static_cast<double>(value);
    return std::fabs(wide) < 0x1p62 ? static_cast<int64_t>(wide) : INT64_MIN;
  } else {
    return std::in_range<int64_t>(value) ? static_cast<int64_t>(value) : INT64_MIN;
  }
}

template <typename Index>
class OneHotKernel final : public Kernel {
 public:
  OneHotKernel(size_t outer, int64_t depth, size_t inner, size_t element_bytes)
      : outer_(outer), depth_(depth), inner_(inner), element_bytes_(element_bytes) {}

  Result<void> run(const RunArgs& args) const override {
    dispatch_size(element_bytes_, [&]<typename T>() { fill<T>(args); });
    return {};
  }

 private:
  template <typename T>
  void fill(const RunArgs& args) const {
    const auto* indices = reinterpret_cast<const Index*>(args.inputs[0]);
    const auto* off_on = reinterpret_cast<const T*>(args.inputs[2]);
    auto* y = reinterpret_cast<T*>(args.outputs[0]);
    for (size_t o = 0; o < outer_; ++o, indices += inner_) {
      for (int64_t place = 0; place < depth_; ++place) {
        for (size_t i = 0; i < inner_; ++i) {
          const int64_t index = as_index(indices[i]);
          *y++ = off_on[index == place || (index < 0 && index + depth_ == place) ? 1 : 0];
        }
      }
    }
  }

  size_t outer_;
  int64_t depth_;
  size_t inner_, element_bytes_;
};

class OneHotOp final : public LinearTimeOp {
 public:
  explicit OneHotOp(int64_t axis) : axis_(axis) {}
  const char* op_type() const override { return "OneHot"; }
  bool needs_contents(size_t input) const override { return input == 1; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    if (!make_kernel(inputs[0].type, 0, 0, 0, 1)) {
      return op_unsupported(std::string(data_type_name(inputs[0].type)) + " indices");
    }
    if (element_count(inputs[2].dims) != 2) return shape_mismatch("values: expected two elements");
    SEALEDGE_ASSIGN(const int64_t depth, depth_of(inputs[1]));
    TensorFact fact{inputs[2].type, inputs[0].dims};
    SEALEDGE_ASSIGN(const size_t axis, resolve_axis(axis_, fact.dims.size() + 1));
    fact.dims.insert(fact.dims.begin() + static_cast<ptrdiff_t>(axis), depth);
    return std::vector<TensorFact>{std::move(fact)};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Dims& dims = setup.outputs[0].dims;
    const size_t axis = *resolve_axis(axis_, dims.size());
    size_t outer = 1, inner = 1;
    for (size_t d = 0; d < dims.size(); ++d) {
      if (d != axis) (d < axis ? outer : inner) *= static_cast<size_t>(dims[d]);
    }
    return make_kernel(setup.inputs[0].type, outer, dims[axis], inner, data_type_size_bytes(setup.inputs[2].type));
  }

 private:
  static Result<int64_t> depth_of(const Operand& operand) {
    if (element_count(operand.dims) != 1) return shape_mismatch("depth: expected one element");
    if (!operand.data) return op_unsupported("depth depends on the data of a run, so the shape cannot be planned");
    const int64_t depth = dispatch_type(NumberTypes{}, operand.type, [&]<typename T>() {
      T value;
      std::memcpy(&value, operand.data, sizeof value);
      return as_index(value);
    });
    if (depth < 0) return model_invalid("depth: out of range");
    return depth;
  }
  static std::unique_ptr<Kernel> make_kernel(DataType type, size_t outer, int64_t depth, size_t inner,
                                             size_t element_bytes) {
    return dispatch_type(NumberTypes{}, type, [&]<typename T>() -> std::unique_ptr<Kernel> {
      return std::make_unique<OneHotKernel<T>>(outer, depth, inner, element_bytes);
    });
  }

  int64_t axis_;
};

}  // namespace

OpPtr make_one_hot(int64_t axis) { return std::make_shared<OneHotOp>(axis); }

}  // namespace sealedge
