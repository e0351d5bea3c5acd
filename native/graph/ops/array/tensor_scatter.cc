// TensorScatter-24: a cache of keys or values with new rows written at an index of their own for every batch entry.
#include <cstring>

#include "graph/ops/array/selection.h"
#include "graph/ops/support.h"
#include "graph/ops/walk.h"

namespace sealedge {

namespace {

enum TensorScatterInput : size_t { kCache, kUpdate, kIndices };

// The cache as (batch, outer, rows, row_bytes), the update as (batch, outer, new_rows, row_bytes).
struct CacheShape {
  size_t batch = 1, outer = 1, rows = 1, new_rows = 1, row_bytes = 1;
};

class TensorScatterKernel final : public Kernel {
 public:
  TensorScatterKernel(const CacheShape& shape, DataType index_type, bool circular)
      : shape_(shape), index_type_(index_type), circular_(circular) {}

  Result<void> run(const RunArgs& args) const override {
    const size_t cache_bytes = shape_.rows * shape_.row_bytes, update_bytes = shape_.new_rows * shape_.row_bytes;
    const size_t total = shape_.batch * shape_.outer * cache_bytes;
    if (total > 0 && args.outputs[0] != args.inputs[kCache]) std::memcpy(args.outputs[0], args.inputs[kCache], total);
    for (size_t b = 0; b < shape_.batch; ++b) {
      const int64_t given =
          index_type_ == DataType::kUndefined ? 0 : IndexReader(args.inputs[kIndices], index_type_)[b];
      SEALEDGE_ASSIGN(const size_t first, first_row(given));
      if (update_bytes == 0 || cache_bytes == 0) continue;
      for (size_t o = 0; o < shape_.outer; ++o) {
        const size_t lane = b * shape_.outer + o;
        for (size_t row = 0; row < shape_.new_rows; ++row) {
          std::memcpy(args.outputs[0] + lane * cache_bytes + (first + row) % shape_.rows * shape_.row_bytes,
                      args.inputs[kUpdate] + lane * update_bytes + row * shape_.row_bytes, shape_.row_bytes);
        }
      }
    }
    return {};
  }

 private:
  Result<size_t> first_row(int64_t index) const {
    const auto rows = static_cast<int64_t>(shape_.rows), room = rows - static_cast<int64_t>(shape_.new_rows);
    if (index < 0 || (!circular_ && index > room)) {
      return Error{ErrorCode::kInputInvalid,
                   "write_indices: expected 0 to " + std::to_string(room) + ", got " + std::to_string(index)};
    }
    return static_cast<size_t>(rows > 0 ? index % rows : 0);
  }

  CacheShape shape_;
  DataType index_type_;
  bool circular_;
};

class TensorScatterOp final : public LinearTimeOp {
 public:
  TensorScatterOp(int64_t axis, bool circular) : axis_(axis), circular_(circular) {}
  const char* op_type() const override { return "TensorScatter"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    SEALEDGE_TRY(shape_of(inputs));
    return std::vector<TensorFact>{{inputs[kCache].type, inputs[kCache].dims}};
  }
  bool may_overwrite(size_t input, std::span<const Operand>, std::span<const Operand>) const override {
    return input == kCache;
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    SEALEDGE_ASSIGN(const CacheShape shape, shape_of(setup.inputs));
    const DataType indices = given(setup.inputs) ? setup.inputs[kIndices].type : DataType::kUndefined;
    return std::unique_ptr<Kernel>(std::make_unique<TensorScatterKernel>(shape, indices, circular_));
  }

 private:
  static bool given(std::span<const Operand> inputs) { return inputs.size() > kIndices && inputs[kIndices].present; }

  Result<CacheShape> shape_of(std::span<const Operand> inputs) const {
    const Dims &cache = inputs[kCache].dims, &update = inputs[kUpdate].dims;
    if (inputs[kUpdate].type != inputs[kCache].type) return model_invalid("cache and update have different types");
    SEALEDGE_ASSIGN(const size_t axis, resolve_axis(axis_, cache.size()));
    if (axis == 0) return model_invalid("axis: expected another than the batch");
    bool fits = update.size() == cache.size();
    for (size_t d = 0; fits && d < cache.size(); ++d) {
      fits = d == axis ? update[d] <= cache[d] : update[d] == cache[d];
    }
    if (!fits) {
      return shape_mismatch("update " + dims_to_string(update) + " does not fit cache " + dims_to_string(cache));
    }
    if (given(inputs) && (!IndexReader::accepts(inputs[kIndices].type) || inputs[kIndices].dims != Dims{cache[0]})) {
      return shape_mismatch("write_indices: expected one integer for each of the batch");
    }
    CacheShape shape;
    shape.batch = static_cast<size_t>(cache[0]);
    shape.rows = static_cast<size_t>(cache[axis]);
    shape.new_rows = static_cast<size_t>(update[axis]);
    shape.row_bytes = data_type_size_bytes(inputs[kCache].type);
    for (size_t d = 1; d < cache.size(); ++d) {
      if (d != axis) (d < axis ? shape.outer : shape.row_bytes) *= static_cast<size_t>(cache[d]);
    }
    return shape;
  }

  int64_t axis_;
  bool circular_;
};

}  // namespace

OpPtr make_tensor_scatter(int64_t axis, bool circular) { return std::make_shared<TensorScatterOp>(axis, circular); }

}  // namespace sealedge
