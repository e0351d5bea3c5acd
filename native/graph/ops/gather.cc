// Gather: rows of the data, picked by indices that are known only when running.
//   data (outer, axis, inner), indices (count) -> output (outer, count, inner)
#include <cstring>

#include "graph/ops.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

class GatherKernel final : public Kernel {
 public:
  GatherKernel(size_t outer, int64_t axis, size_t inner_bytes, size_t count, bool wide)
      : outer_(outer), axis_(axis), inner_bytes_(inner_bytes), count_(count), wide_(wide) {}

  Result<void> run(const RunArgs& args) const override {
    const uint8_t* data = args.inputs[0];
    uint8_t* out = args.outputs[0];
    const size_t outer_bytes = static_cast<size_t>(axis_) * inner_bytes_;
    for (size_t i = 0; i < count_; ++i) {
      // Read once: the caller's memory may change under us, and what was checked must be what is used.
      int64_t index = index_at(args.inputs[1], i);
      if (index < 0) index += axis_;
      if (index < 0 || index >= axis_) {
        return Error{ErrorCode::kInputInvalid,
                     "index " + std::to_string(index) + " is out of range for " + std::to_string(axis_) + " entries"};
      }
      for (size_t o = 0; o < outer_; ++o) {
        std::memcpy(out + (o * count_ + i) * inner_bytes_,
                    data + o * outer_bytes + static_cast<size_t>(index) * inner_bytes_, inner_bytes_);
      }
    }
    return {};
  }

 private:
  int64_t index_at(const uint8_t* indices, size_t i) const {
    if (wide_) {
      int64_t value;
      std::memcpy(&value, indices + i * sizeof value, sizeof value);
      return value;
    }
    int32_t value;
    std::memcpy(&value, indices + i * sizeof value, sizeof value);
    return value;
  }

  size_t outer_;
  int64_t axis_;
  size_t inner_bytes_;
  size_t count_;
  bool wide_;
};

class GatherOp final : public Op {
 public:
  explicit GatherOp(int64_t axis) : axis_(axis) {}
  const char* op_type() const override { return "Gather"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Dims& data = inputs[0].dims;
    const Dims& indices = inputs[1].dims;
    if (inputs[1].type != DataType::kInt64 && inputs[1].type != DataType::kInt32) {
      return model_invalid("indices: expected int32 or int64");
    }
    SEALEDGE_ASSIGN(const size_t axis, resolve_axis(axis_, data.size()));
    TensorFact fact{inputs[0].type, Dims(data.begin(), data.begin() + static_cast<ptrdiff_t>(axis))};
    fact.dims.insert(fact.dims.end(), indices.begin(), indices.end());
    fact.dims.insert(fact.dims.end(), data.begin() + static_cast<ptrdiff_t>(axis) + 1, data.end());
    return std::vector<TensorFact>{std::move(fact)};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Dims& dims = setup.inputs[0].dims;
    const size_t axis = *resolve_axis(axis_, dims.size());
    size_t outer = 1;
    size_t inner = data_type_size_bytes(setup.inputs[0].type);
    for (size_t i = 0; i < dims.size(); ++i) {
      if (i < axis) outer *= static_cast<size_t>(dims[i]);
      if (i > axis) inner *= static_cast<size_t>(dims[i]);
    }
    const auto count = static_cast<size_t>(element_count(setup.inputs[1].dims));
    return std::unique_ptr<Kernel>(
        std::make_unique<GatherKernel>(outer, dims[axis], inner, count, setup.inputs[1].type == DataType::kInt64));
  }

 private:
  int64_t axis_;
};

}  // namespace

OpPtr make_gather(int64_t axis) { return std::make_shared<GatherOp>(axis); }

}  // namespace sealedge
