// LayerNormalization and RMSNormalization: rows from `axis` on.
#include "graph/ops/element_types.h"
#include "graph/ops/elementwise/elementwise_types.h"
#include "graph/ops/reduction/normalization.h"
#include "graph/ops/support.h"
#include "kernels/normalize/normalize.h"

namespace sealedge {

namespace {

template <typename T>
NormalizeData<T> data_of(const RunArgs& args) {
  NormalizeData<T> data = {};
  data.x = reinterpret_cast<const T*>(args.inputs[0]);
  data.scale = reinterpret_cast<const T*>(args.inputs[1]);
  if (args.inputs.size() > 2) data.bias = reinterpret_cast<const T*>(args.inputs[2]);
  data.y = reinterpret_cast<T*>(args.outputs[0]);
  if (args.outputs.size() > 1) data.mean = reinterpret_cast<float*>(args.outputs[1]);
  if (args.outputs.size() > 2) data.inverse_deviation = reinterpret_cast<float*>(args.outputs[2]);
  return data;
}

class FloatLayerNorm final : public Kernel {
 public:
  explicit FloatLayerNorm(const NormalizeRows& shape) : shape_(shape) {}
  size_t scratch_bytes() const override { return unwanted_y_bytes(); }
  Result<void> run(const RunArgs& args) const override {
    NormalizeData<float> data = data_of<float>(args);
    // Only the statistics may be wanted.
    if (!data.y) data.y = reinterpret_cast<float*>(args.scratch);
    f32_normalize_rows(shape_, data, kernel_context(args));
    return {};
  }
  void without_y() { y_wanted_ = false; }

 private:
  size_t unwanted_y_bytes() const { return y_wanted_ ? 0 : shape_.rows * shape_.count * sizeof(float); }
  NormalizeRows shape_;
  bool y_wanted_ = true;
};

// Other types, and factors that broadcast in other ways than along the rows: element by element.
template <typename T>
class OtherLayerNorm final : public Kernel {
 public:
  OtherLayerNorm(const NormalizeRows& shape, Dims dims, std::vector<size_t> scale, std::vector<size_t> bias)
      : shape_(shape), dims_(std::move(dims)), scale_(std::move(scale)), bias_(std::move(bias)) {}
  Result<void> run(const RunArgs& args) const override {
    const NormalizeData<T> data = data_of<T>(args);
    for (size_t row = 0; row < shape_.rows; row++) {
      const T* x = data.x + row * shape_.count;
      const RowMoments moments = row_moments(x, shape_);
      if (data.mean) data.mean[row] = static_cast<float>(moments.mean);
      if (data.inverse_deviation) data.inverse_deviation[row] = static_cast<float>(moments.inverse_deviation);
      for (size_t i = 0; data.y && i < shape_.count; i++) {
        const size_t at = row * shape_.count + i;
        double v = (static_cast<double>(x[i]) - moments.mean) * moments.inverse_deviation;
        v *= static_cast<double>(data.scale[offset(scale_, at)]);
        if (data.bias) v += static_cast<double>(data.bias[offset(bias_, at)]);
        data.y[at] = static_cast<T>(v);
      }
    }
    return {};
  }

 private:
  size_t offset(const std::vector<size_t>& strides, size_t index) const {
    size_t offset = 0;
    for (size_t d = dims_.size(); d-- > 0; index /= static_cast<size_t>(dims_[d])) {
      offset += index % static_cast<size_t>(dims_[d]) * strides[d];
    }
    return offset;
  }
  NormalizeRows shape_;
  Dims dims_;
  std::vector<size_t> scale_, bias_;
};

class LayerNormOp final : public LinearTimeOp {
 public:
  LayerNormOp(int64_t axis, float epsilon, bool center) : axis_(axis), epsilon_(epsilon), center_(center) {}
  const char* op_type() const override { return center_ ? "LayerNormalization" : "RMSNormalization"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand& x = inputs[0];
    if (!dispatch_type(FloatTypes{}, x.type, []<typename T>() { return true; })) {
      return op_unsupported(data_type_name(x.type));
    }
    SEALEDGE_ASSIGN(const size_t axis, resolve_axis(axis_, x.dims.size()));
    for (const Operand& factor : inputs.subspan(1)) {
      if (!factor.present) continue;
      if (factor.type != x.type) return shape_mismatch("X, Scale and B have different types");
      if (!fits(factor.dims, x.dims)) {
        return shape_mismatch(dims_to_string(factor.dims) + " does not broadcast to " + dims_to_string(x.dims));
      }
    }
    Dims rows(x.dims);
    for (size_t d = axis; d < rows.size(); d++) rows[d] = 1;
    std::vector<TensorFact> facts = {{x.type, x.dims}};
    if (center_) facts.insert(facts.end(), {{DataType::kFloat32, rows}, {DataType::kFloat32, rows}});
    return facts;
  }

  bool may_copy_input(size_t input) const override { return input == 0; }
  bool may_overwrite(size_t input, std::span<const Operand> inputs, std::span<const Operand>) const override {
    return input == 0 && inputs[0].type == DataType::kFloat32 && along_rows(inputs);
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& x = setup.inputs[0];
    SEALEDGE_ASSIGN(const size_t axis, resolve_axis(axis_, x.dims.size()));
    NormalizeRows shape = {.rows = 1, .count = 1, .epsilon = epsilon_, .center = center_};
    for (size_t d = 0; d < x.dims.size(); d++) (d < axis ? shape.rows : shape.count) *= static_cast<size_t>(x.dims[d]);
    if (x.type == DataType::kFloat32 && along_rows(setup.inputs)) {
      auto kernel = std::make_unique<FloatLayerNorm>(shape);
      if (!setup.outputs[0].present) kernel->without_y();
      return std::unique_ptr<Kernel>(std::move(kernel));
    }
    const bool biased = setup.inputs.size() > 2 && setup.inputs[2].present;
    return dispatch_type(FloatTypes{}, x.type, [&]<typename T>() {
      return std::unique_ptr<Kernel>(
          std::make_unique<OtherLayerNorm<T>>(shape, x.dims, physical_strides(setup.inputs[1], x),
                                              biased ? physical_strides(setup.inputs[2], x) : std::vector<size_t>()));
    });
  }

 private:
  static bool fits(const Dims& factor, const Dims& dims) {
    if (factor.size() > dims.size()) return false;
    for (size_t d = 0; d < factor.size(); d++) {
      if (factor[d] != 1 && factor[d] != dims[dims.size() - factor.size() + d]) return false;
    }
    return true;
  }

  // Scale and B have one value for each place of a row.
  bool along_rows(std::span<const Operand> inputs) const {
    const Dims& x = inputs[0].dims;
    const size_t axis = *resolve_axis(axis_, x.size());
    const Dims row(x.begin() + static_cast<ptrdiff_t>(axis), x.end());
    for (const Operand& factor : inputs.subspan(1)) {
      if (!factor.present) continue;
      Dims dims = factor.dims;
      while (dims.size() > row.size() && dims.front() == 1) dims.erase(dims.begin());
      if (dims != row) return false;
    }
    return true;
  }

  int64_t axis_;
  float epsilon_;
  bool center_;
};

}  // namespace

OpPtr make_layer_norm(int64_t axis, float epsilon) { return std::make_shared<LayerNormOp>(axis, epsilon, true); }
OpPtr make_rms_norm(int64_t axis, float epsilon) { return std::make_shared<LayerNormOp>(axis, epsilon, false); }

}  // namespace sealedge
