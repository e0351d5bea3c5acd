// What BatchNormalization computes first in training mode: over all of a channel's M elements,
//   mean[c] = sum(X) / M,  var[c] = sum((X - mean[c])^2) / M        (BatchNormalization-14: population variance)
// in double, two passes: the running values that follow from them are compared with those of other implementations.
#include "graph/ops/element_types.h"
#include "graph/ops/legacy_forms.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

template <typename T>
class BatchStatisticsKernel final : public Kernel {
 public:
  BatchStatisticsKernel(size_t batch, size_t channels, size_t spatial)
      : batch_(batch), channels_(channels), spatial_(spatial) {}

  Result<void> run(const RunArgs& args) const override {
    const auto* x = reinterpret_cast<const T*>(args.inputs[0]);
    for (size_t c = 0; c < channels_; ++c) {
      const double count = static_cast<double>(batch_) * static_cast<double>(spatial_);
      const double mean = sum(x, c, [](double value) { return value; }) / count;
      const double variance = sum(x, c, [mean](double value) { return (value - mean) * (value - mean); }) / count;
      if (args.outputs[0]) reinterpret_cast<T*>(args.outputs[0])[c] = T(mean);
      if (args.outputs[1]) reinterpret_cast<T*>(args.outputs[1])[c] = T(variance);
    }
    return {};
  }

 private:
  template <typename Function>
  double sum(const T* x, size_t channel, Function function) const {
    double total = 0;
    for (size_t n = 0; n < batch_; ++n) {
      const T* plane = x + (n * channels_ + channel) * spatial_;
      for (size_t i = 0; i < spatial_; ++i) total += function(static_cast<double>(plane[i]));
    }
    return total;
  }

  size_t batch_;
  size_t channels_;
  size_t spatial_;
};

class BatchStatisticsOp final : public LinearTimeOp {
 public:
  const char* op_type() const override { return "BatchStatistics"; }
  bool may_copy_input(size_t) const override { return false; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand& x = inputs[0];
    if (x.dims.size() < 2) return shape_mismatch("expected at least 2 dimensions, got " + dims_to_string(x.dims));
    if (!dispatch_type(FloatTypes{}, x.type, []<typename T>() { return true; })) {
      return op_unsupported(data_type_name(x.type));
    }
    return std::vector<TensorFact>(2, {x.type, {x.dims[1]}});
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Dims& dims = setup.inputs[0].dims;
    const auto spatial = static_cast<size_t>(element_count(Dims(dims.begin() + 2, dims.end())));
    return dispatch_type(FloatTypes{}, setup.inputs[0].type, [&]<typename T>() -> std::unique_ptr<Kernel> {
      return std::make_unique<BatchStatisticsKernel<T>>(static_cast<size_t>(dims[0]), static_cast<size_t>(dims[1]),
                                                        spatial);
    });
  }
};

}  // namespace

OpPtr make_batch_statistics() { return std::make_shared<BatchStatisticsOp>(); }

}  // namespace sealedge
