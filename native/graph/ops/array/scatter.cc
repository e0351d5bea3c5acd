// ScatterElements and ScatterND: a copy of the data with some elements replaced, or combined with what is there.
#include <algorithm>
#include <cstring>
#include <type_traits>

#include "graph/ops/array/selection.h"
#include "graph/ops/element_types.h"
#include "graph/ops/support.h"
#include "graph/ops/walk.h"

namespace sealedge {

namespace {

// Integers wrap around, bool takes or for add and and for mul, NaN wins over a number: as numpy.
template <typename T>
T combine(ScatterReduction reduction, T a, T b) {
  using A = Arithmetic<T>;
  if constexpr (std::is_same_v<T, BoolByte>) {
    const bool any = reduction == ScatterReduction::kAdd || reduction == ScatterReduction::kMax;
    return reduction == ScatterReduction::kNone ? b : BoolByte(any ? a || b : a && b);
  } else if constexpr (std::is_integral_v<T>) {
    if (reduction == ScatterReduction::kAdd) return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
    if (reduction == ScatterReduction::kMul) return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  } else {
    if (reduction == ScatterReduction::kAdd) return T(static_cast<A>(a) + static_cast<A>(b));
    if (reduction == ScatterReduction::kMul) return T(static_cast<A>(a) * static_cast<A>(b));
    if (reduction != ScatterReduction::kNone && a != a) return a;
  }
  if (reduction == ScatterReduction::kMax) return a > b ? a : b;
  if (reduction == ScatterReduction::kMin) return a < b ? a : b;
  return b;
}

// `rows` updates of `row` elements each go to places that place(i) gives, in elements; below 0: not a place.
struct Scatter {
  size_t data_count = 0, update_count = 0, row = 1;
};

template <typename T, typename Placer>
class ScatterKernel final : public Kernel {
 public:
  ScatterKernel(Scatter sizes, Placer placer, ScatterReduction reduction)
      : sizes_(sizes), placer_(std::move(placer)), reduction_(reduction) {}

  Result<void> run(const RunArgs& args) const override {
    const auto* updates = reinterpret_cast<const T*>(args.inputs[2]);
    auto* y = reinterpret_cast<T*>(args.outputs[0]);
    if (sizes_.data_count > 0 && args.outputs[0] != args.inputs[0]) {
      std::memcpy(y, args.inputs[0], sizes_.data_count * sizeof(T));
    }
    auto places = placer_.start(args.inputs[1]);
    for (size_t i = 0; i < sizes_.update_count; i += sizes_.row) {
      SEALEDGE_ASSIGN(const int64_t place, places.next());
      T* to = y + place;
      for (size_t j = 0; j < sizes_.row; ++j) to[j] = combine(reduction_, to[j], updates[i + j]);
    }
    return {};
  }

 private:
  Scatter sizes_;
  Placer placer_;
  ScatterReduction reduction_;
};

template <typename Placer>
std::unique_ptr<Kernel> make_kernel(DataType type, const Scatter& sizes, const Placer& placer,
                                    ScatterReduction reduction) {
  return dispatch_type(AllTypes{}, type, [&]<typename T>() -> std::unique_ptr<Kernel> {
    return std::make_unique<ScatterKernel<T, Placer>>(sizes, placer, reduction);
  });
}

// ScatterElements: each update has its own index along the axis; its other coordinates are where it stands.
struct ElementPlacer {
  Dims dims;                     // of indices and updates
  std::vector<int64_t> strides;  // of the data, 0 along the axis
  int64_t axis_dim = 0, axis_stride = 0;
  DataType index_type = DataType::kInt64;

  struct Places {
    const ElementPlacer& placer;
    IndexReader indices;
    Walk<1> walk;
    size_t at = 0;
    Result<int64_t> next() {
      const int64_t given = indices[at++];
      const int64_t index = resolve_index(given, placer.axis_dim);
      if (index < 0) return index_out_of_range(given, placer.axis_dim);
      const int64_t place = walk.offset() + index * placer.axis_stride;
      walk.next();
      return place;
    }
  };
  Places start(const uint8_t* indices) const {
    return {*this, IndexReader(indices, index_type), Walk<1>(dims, {std::span<const int64_t>(strides)})};
  }
};

// ScatterND: rows of indices, each the first coordinates of a slice of the data.
struct SlicePlacer {
  Dims dims;                     // of the data, as many as a row of indices has
  std::vector<int64_t> strides;  // of the data

  struct Places {
    const SlicePlacer& placer;
    IndexReader indices;
    size_t at = 0;
    Result<int64_t> next() {
      int64_t place = 0;
      for (size_t d = 0; d < placer.dims.size(); ++d) {
        const int64_t given = indices[at++];
        const int64_t index = resolve_index(given, placer.dims[d]);
        if (index < 0) return index_out_of_range(given, placer.dims[d]);
        place += index * placer.strides[d];
      }
      return place;
    }
  };
  Places start(const uint8_t* indices) const { return {*this, IndexReader(indices, DataType::kInt64)}; }
};

Result<std::vector<TensorFact>> check_types(std::span<const Operand> inputs) {
  if (data_type_size_bytes(inputs[0].type) == 0 || inputs[0].type == DataType::kBfloat16) {
    return op_unsupported(std::string(data_type_name(inputs[0].type)) + " data");
  }
  if (inputs[2].type != inputs[0].type) return shape_mismatch("updates: another type than the data");
  return std::vector<TensorFact>{{inputs[0].type, inputs[0].dims}};
}

class ScatterElementsOp final : public LinearTimeOp {
 public:
  ScatterElementsOp(int64_t axis, ScatterReduction reduction) : axis_(axis), reduction_(reduction) {}
  const char* op_type() const override { return "ScatterElements"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Dims &data = inputs[0].dims, &indices = inputs[1].dims;
    if (!IndexReader::accepts(inputs[1].type)) return model_invalid("indices: expected int32 or int64");
    SEALEDGE_ASSIGN(const size_t axis, resolve_axis(axis_, data.size()));
    bool fits = indices.size() == data.size() && indices == inputs[2].dims;
    for (size_t d = 0; fits && d < data.size(); ++d) fits = d == axis || indices[d] <= data[d];
    if (!fits) {
      return shape_mismatch("indices " + dims_to_string(indices) + " and updates " + dims_to_string(inputs[2].dims) +
                            " do not fit data " + dims_to_string(data));
    }
    return check_types(inputs);
  }
  bool may_overwrite(size_t input, std::span<const Operand>, std::span<const Operand>) const override {
    return input == 0;
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& data = setup.inputs[0];
    const size_t axis = *resolve_axis(axis_, data.dims.size());
    ElementPlacer placer{setup.inputs[1].dims, strides_of(data.dims, Format::kRowMajor), data.dims[axis], 0,
                         setup.inputs[1].type};
    std::swap(placer.axis_stride, placer.strides[axis]);
    const Scatter sizes = {static_cast<size_t>(element_count(data.dims)),
                           static_cast<size_t>(element_count(setup.inputs[2].dims)), 1};
    return make_kernel(data.type, sizes, placer, reduction_);
  }

 private:
  int64_t axis_;
  ScatterReduction reduction_;
};

class ScatterNDOp final : public LinearTimeOp {
 public:
  explicit ScatterNDOp(ScatterReduction reduction) : reduction_(reduction) {}
  const char* op_type() const override { return "ScatterND"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Dims &data = inputs[0].dims, &indices = inputs[1].dims;
    if (inputs[1].type != DataType::kInt64) return model_invalid("indices: expected int64");
    if (data.empty() || indices.empty() || indices.back() > static_cast<int64_t>(data.size())) {
      return shape_mismatch("indices " + dims_to_string(indices) + " do not fit data " + dims_to_string(data));
    }
    Dims wanted(indices.begin(), indices.end() - 1);
    wanted.insert(wanted.end(), data.begin() + indices.back(), data.end());
    if (inputs[2].dims != wanted) {
      return shape_mismatch("updates: expected " + dims_to_string(wanted) + ", got " + dims_to_string(inputs[2].dims));
    }
    return check_types(inputs);
  }
  bool may_overwrite(size_t input, std::span<const Operand>, std::span<const Operand>) const override {
    return input == 0;
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& data = setup.inputs[0];
    const int64_t depth = setup.inputs[1].dims.back();
    SlicePlacer placer{Dims(data.dims.begin(), data.dims.begin() + depth), strides_of(data.dims, Format::kRowMajor)};
    Scatter sizes = {static_cast<size_t>(element_count(data.dims)),
                     static_cast<size_t>(element_count(setup.inputs[2].dims)), 1};
    for (size_t d = static_cast<size_t>(depth); d < data.dims.size(); ++d) {
      sizes.row *= static_cast<size_t>(data.dims[d]);
    }
    return make_kernel(data.type, sizes, placer, reduction_);
  }

 private:
  ScatterReduction reduction_;
};

}  // namespace

std::optional<ScatterReduction> scatter_reduction(std::string_view name) {
  if (name == "none") return ScatterReduction::kNone;
  if (name == "add") return ScatterReduction::kAdd;
  if (name == "mul") return ScatterReduction::kMul;
  if (name == "max") return ScatterReduction::kMax;
  if (name == "min") return ScatterReduction::kMin;
  return std::nullopt;
}

OpPtr make_scatter_elements(int64_t axis, ScatterReduction reduction) {
  return std::make_shared<ScatterElementsOp>(axis, reduction);
}
OpPtr make_scatter_nd(ScatterReduction reduction) { return std::make_shared<ScatterNDOp>(reduction); }

}  // namespace sealedge
