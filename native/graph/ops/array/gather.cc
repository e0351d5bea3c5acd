// Gather: rows of the data, picked by indices that are known only when running.
//   data (outer, axis, inner), indices (count) -> output (outer, count, inner)
#include <cstring>

#include "graph/ops.h"
#include "graph/ops/support.h"
#include "graph/ops/walk.h"

namespace sealedge {

namespace {

class GatherKernel final : public Kernel {
 public:
  GatherKernel(size_t outer, int64_t axis, size_t inner_bytes, size_t count, DataType index_type)
      : outer_(outer), axis_(axis), inner_bytes_(inner_bytes), count_(count), index_type_(index_type) {}

  Result<void> run(const RunArgs& args) const override {
    const uint8_t* data = args.inputs[0];
    uint8_t* out = args.outputs[0];
    const size_t outer_bytes = static_cast<size_t>(axis_) * inner_bytes_;
    const IndexReader indices(args.inputs[1], index_type_);
    for (size_t i = 0; i < count_; ++i) {
      const int64_t given = indices[i];
      const int64_t index = resolve_index(given, axis_);
      if (index < 0) return index_out_of_range(given, axis_);
      for (size_t o = 0; o < outer_; ++o) {
        std::memcpy(out + (o * count_ + i) * inner_bytes_,
                    data + o * outer_bytes + static_cast<size_t>(index) * inner_bytes_, inner_bytes_);
      }
    }
    return {};
  }

 private:
  size_t outer_;
  int64_t axis_;
  size_t inner_bytes_;
  size_t count_;
  DataType index_type_;
};

class GatherOp final : public LinearTimeOp {
 public:
  explicit GatherOp(int64_t axis) : axis_(axis) {}
  const char* op_type() const override { return "Gather"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Dims& data = inputs[0].dims;
    const Dims& indices = inputs[1].dims;
    if (!IndexReader::accepts(inputs[1].type)) return model_invalid("indices: expected int32 or int64");
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
        std::make_unique<GatherKernel>(outer, dims[axis], inner, count, setup.inputs[1].type));
  }

 private:
  int64_t axis_;
};

}  // namespace

OpPtr make_gather(int64_t axis) { return std::make_shared<GatherOp>(axis); }

}  // namespace sealedge
