// NegativeLogLikelihoodLoss-13 and SoftmaxCrossEntropyLoss-13.
//   loss[n, d] = -weight[t] * log_p[n, t, d] with t = target[n, d]; 0 where t is ignore_index
//   mean: sum of losses / sum of the weights that took part
#include <cmath>
#include <limits>

#include "graph/ops/element_types.h"
#include "graph/ops/reduction/losses.h"
#include "graph/ops/support.h"
#include "graph/ops/walk.h"

namespace sealedge {

namespace {

struct LossShape {
  bool from_scores = false;
  LossReduction reduction = LossReduction::kMean;
  std::optional<int64_t> ignore_index;
  size_t batch = 1, classes = 0, inner = 1;
  DataType target_type = DataType::kInt64;
};

// log(sum of e^x) over the classes of one place.
template <typename T>
double log_sum_exp(const T* x, size_t classes, size_t step) {
  double most = -std::numeric_limits<double>::infinity(), sum = 0;
  for (size_t c = 0; c < classes; ++c) most = std::fmax(most, static_cast<double>(x[c * step]));
  for (size_t c = 0; c < classes; ++c) sum += std::exp(static_cast<double>(x[c * step]) - most);
  return std::log(sum) + most;
}

template <typename T>
class LossKernel final : public Kernel {
 public:
  explicit LossKernel(LossShape shape) : shape_(shape) {}

  Result<void> run(const RunArgs& args) const override {
    const auto* x = reinterpret_cast<const T*>(args.inputs[0]);
    const IndexReader targets(args.inputs[1], shape_.target_type);
    const auto* weights = args.inputs.size() > 2 ? reinterpret_cast<const T*>(args.inputs[2]) : nullptr;
    auto* losses = reinterpret_cast<T*>(args.outputs[0]);
    auto* log_p = args.outputs.size() > 1 ? reinterpret_cast<T*>(args.outputs[1]) : nullptr;
    const size_t classes = shape_.classes, inner = shape_.inner;
    double loss_sum = 0, weight_sum = 0;
    for (size_t i = 0; i < shape_.batch * inner; ++i) {
      const size_t start = i / inner * classes * inner + i % inner;
      const double norm = shape_.from_scores ? log_sum_exp(x + start, classes, inner) : 0;
      for (size_t c = 0; log_p && c < classes; ++c) {
        log_p[start + c * inner] = T(static_cast<double>(x[start + c * inner]) - norm);
      }
      const int64_t target = targets[i];
      double loss = 0;
      if (target != shape_.ignore_index) {
        const int64_t index = resolve_index(target, static_cast<int64_t>(classes));
        if (target < 0 || index < 0) return index_out_of_range(target, static_cast<int64_t>(classes));
        const double weight = weights ? static_cast<double>(weights[index]) : 1;
        loss = -weight * (static_cast<double>(x[start + static_cast<size_t>(index) * inner]) - norm);
        weight_sum += weight;
      }
      if (losses && shape_.reduction == LossReduction::kNone) losses[i] = T(loss);
      loss_sum += loss;
    }
    if (losses && shape_.reduction == LossReduction::kSum) losses[0] = T(loss_sum);
    if (losses && shape_.reduction == LossReduction::kMean) losses[0] = T(loss_sum / weight_sum);
    return {};
  }

 private:
  LossShape shape_;
};

class LossOp final : public Op {
 public:
  LossOp(bool from_scores, LossReduction reduction, std::optional<int64_t> ignore_index) {
    shape_.from_scores = from_scores;
    shape_.reduction = reduction;
    shape_.ignore_index = ignore_index;
  }
  const char* op_type() const override {
    return shape_.from_scores ? "SoftmaxCrossEntropyLoss" : "NegativeLogLikelihoodLoss";
  }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand &x = inputs[0], &target = inputs[1];
    if (!make_kernel(x.type, shape_)) return op_unsupported(data_type_name(x.type));
    if (!IndexReader::accepts(target.type)) return model_invalid("target: expected int32 or int64");
    if (x.dims.size() < 2) return shape_mismatch("expected classes in dimension 1, got " + dims_to_string(x.dims));
    Dims wanted = x.dims;
    wanted.erase(wanted.begin() + 1);
    if (target.dims != wanted) {
      return shape_mismatch("target: expected " + dims_to_string(wanted) + ", got " + dims_to_string(target.dims));
    }
    if (inputs.size() > 2 && inputs[2].present && (inputs[2].type != x.type || inputs[2].dims != Dims{x.dims[1]})) {
      return shape_mismatch("weight: expected one of the input's type per class");
    }
    const Dims dims = shape_.reduction == LossReduction::kNone ? wanted : Dims{};
    return std::vector<TensorFact>{{x.type, dims}, {x.type, x.dims}};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Dims& dims = setup.inputs[0].dims;
    LossShape shape = shape_;
    shape.batch = static_cast<size_t>(dims[0]);
    shape.classes = static_cast<size_t>(dims[1]);
    for (size_t d = 2; d < dims.size(); ++d) shape.inner *= static_cast<size_t>(dims[d]);
    shape.target_type = setup.inputs[1].type;
    return make_kernel(setup.inputs[0].type, shape);
  }

 private:
  static std::unique_ptr<Kernel> make_kernel(DataType type, const LossShape& shape) {
    return dispatch_type(FloatTypes{}, type, [&]<typename T>() -> std::unique_ptr<Kernel> {
      return std::make_unique<LossKernel<T>>(shape);
    });
  }
  LossShape shape_;
};

}  // namespace

OpPtr make_nll_loss(bool from_scores, LossReduction reduction, std::optional<int64_t> ignore_index) {
  return std::make_shared<LossOp>(from_scores, reduction, ignore_index);
}

}  // namespace sealedge
