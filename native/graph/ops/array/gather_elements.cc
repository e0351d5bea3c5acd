// GatherElements (one index per element along an axis) and GatherND (rows of indices that name slices).
#include <algorithm>
#include <cstring>

#include "graph/ops/array/selection.h"
#include "graph/ops/element_types.h"
#include "graph/ops/support.h"
#include "graph/ops/walk.h"

namespace sealedge {

namespace {

class GatherElementsKernel final : public Kernel {
 public:
  GatherElementsKernel(const Operand& data, const Operand& indices, size_t axis)
      : dims_(indices.dims),
        strides_(strides_of(data.dims, Format::kRowMajor)),
        axis_dim_(data.dims[axis]),
        index_type_(indices.type),
        element_bytes_(data_type_size_bytes(data.type)) {
    std::swap(axis_stride_, strides_[axis]);
  }

  Result<void> run(const RunArgs& args) const override {
    return dispatch_size(element_bytes_, [&]<typename T>() { return gather<T>(args); });
  }

 private:
  template <typename T>
  Result<void> gather(const RunArgs& args) const {
    const auto* data = reinterpret_cast<const T*>(args.inputs[0]);
    auto* y = reinterpret_cast<T*>(args.outputs[0]);
    const IndexReader indices(args.inputs[1], index_type_);
    Walk<1> walk(dims_, {std::span<const int64_t>(strides_)});
    const auto count = static_cast<size_t>(element_count(dims_));
    for (size_t i = 0; i < count; ++i, walk.next()) {
      const int64_t given = indices[i];
      const int64_t index = resolve_index(given, axis_dim_);
      if (index < 0) return index_out_of_range(given, axis_dim_);
      y[i] = data[walk.offset() + index * axis_stride_];
    }
    return {};
  }

  Dims dims_;
  std::vector<int64_t> strides_;  // of the data, 0 along the axis
  int64_t axis_dim_, axis_stride_ = 0;
  DataType index_type_;
  size_t element_bytes_;
};

class GatherElementsOp final : public LinearTimeOp {
 public:
  explicit GatherElementsOp(int64_t axis) : axis_(axis) {}
  const char* op_type() const override { return "GatherElements"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Dims &data = inputs[0].dims, &indices = inputs[1].dims;
    if (!IndexReader::accepts(inputs[1].type)) return model_invalid("indices: expected int32 or int64");
    SEALEDGE_ASSIGN(const size_t axis, resolve_axis(axis_, data.size()));
    bool fits = indices.size() == data.size();
    for (size_t d = 0; fits && d < data.size(); ++d) fits = d == axis || indices[d] <= data[d];
    if (!fits) {
      return shape_mismatch("indices " + dims_to_string(indices) + " do not fit data " + dims_to_string(data));
    }
    return std::vector<TensorFact>{{inputs[0].type, indices}};
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const size_t axis = *resolve_axis(axis_, setup.inputs[0].dims.size());
    return std::unique_ptr<Kernel>(std::make_unique<GatherElementsKernel>(setup.inputs[0], setup.inputs[1], axis));
  }

 private:
  int64_t axis_;
};

// Batches of rows; every row picks one slice out of its batch's part of the data.
struct Slices {
  size_t batches = 1, rows_per_batch = 1, slice_bytes = 1;
  size_t batch_bytes = 1;            // of the data
  std::vector<int64_t> dims;         // that a row indexes
  std::vector<size_t> stride_bytes;  // of those
};

class GatherNDKernel final : public Kernel {
 public:
  explicit GatherNDKernel(Slices slices) : slices_(std::move(slices)) {}

  Result<void> run(const RunArgs& args) const override {
    const IndexReader indices(args.inputs[1], DataType::kInt64);
    uint8_t* y = args.outputs[0];
    size_t at = 0;
    for (size_t batch = 0; batch < slices_.batches; ++batch) {
      for (size_t row = 0; row < slices_.rows_per_batch; ++row) {
        const uint8_t* from = args.inputs[0] + batch * slices_.batch_bytes;
        for (size_t d = 0; d < slices_.dims.size(); ++d) {
          const int64_t given = indices[at++];
          const int64_t index = resolve_index(given, slices_.dims[d]);
          if (index < 0) return index_out_of_range(given, slices_.dims[d]);
          from += static_cast<size_t>(index) * slices_.stride_bytes[d];
        }
        if (slices_.slice_bytes > 0) std::memcpy(y, from, slices_.slice_bytes);
        y += slices_.slice_bytes;
      }
    }
    return {};
  }

 private:
  Slices slices_;
};

class GatherNDOp final : public LinearTimeOp {
 public:
  explicit GatherNDOp(int64_t batch_dims) : batch_dims_(batch_dims) {}
  const char* op_type() const override { return "GatherND"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Dims &data = inputs[0].dims, &indices = inputs[1].dims;
    if (inputs[1].type != DataType::kInt64) return model_invalid("indices: expected int64");
    const auto rank = static_cast<int64_t>(data.size());
    const bool batches_fit = batch_dims_ >= 0 && batch_dims_ < rank &&
                             batch_dims_ < static_cast<int64_t>(indices.size()) &&
                             std::equal(data.begin(), data.begin() + batch_dims_, indices.begin());
    if (!batches_fit || indices.back() < 1 || indices.back() > rank - batch_dims_) {
      return shape_mismatch("indices " + dims_to_string(indices) + " do not fit data " + dims_to_string(data));
    }
    TensorFact fact{inputs[0].type, Dims(indices.begin(), indices.end() - 1)};
    fact.dims.insert(fact.dims.end(), data.begin() + batch_dims_ + indices.back(), data.end());
    return std::vector<TensorFact>{std::move(fact)};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Dims &data = setup.inputs[0].dims, &indices = setup.inputs[1].dims;
    const size_t element_bytes = data_type_size_bytes(setup.inputs[0].type);
    const std::vector<int64_t> strides = strides_of(data, Format::kRowMajor);
    const auto batch_dims = static_cast<size_t>(batch_dims_), depth = static_cast<size_t>(indices.back());
    Slices slices;
    for (size_t d = 0; d + 1 < indices.size(); ++d) {
      (d < batch_dims ? slices.batches : slices.rows_per_batch) *= static_cast<size_t>(indices[d]);
    }
    slices.batch_bytes = slices.slice_bytes = element_bytes;
    for (size_t d = batch_dims; d < data.size(); ++d) {
      slices.batch_bytes *= static_cast<size_t>(data[d]);
      if (d >= batch_dims + depth) {
        slices.slice_bytes *= static_cast<size_t>(data[d]);
      } else {
        slices.dims.push_back(data[d]);
        slices.stride_bytes.push_back(static_cast<size_t>(strides[d]) * element_bytes);
      }
    }
    return std::unique_ptr<Kernel>(std::make_unique<GatherNDKernel>(std::move(slices)));
  }

 private:
  int64_t batch_dims_;
};

}  // namespace

OpPtr make_gather_elements(int64_t axis) { return std::make_shared<GatherElementsOp>(axis); }
OpPtr make_gather_nd(int64_t batch_dims) { return std::make_shared<GatherNDOp>(batch_dims); }

}  // namespace sealedge
