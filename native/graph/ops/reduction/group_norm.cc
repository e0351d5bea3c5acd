// InstanceNormalization and GroupNormalization (statistics of the channels of one sample), and LRN.
#include "graph/ops/element_types.h"
#include "graph/ops/reduction/normalization.h"
#include "graph/ops/support.h"
#include "kernels/normalize/normalize.h"
#include "kernels/parallel.h"

namespace sealedge {

namespace {

template <typename T>
class GroupNormKernel final : public Kernel {
 public:
  explicit GroupNormKernel(const NormalizeRows& shape) : shape_(shape) {}
  Result<void> run(const RunArgs& args) const override {
    NormalizeData<T> data = {};
    data.x = reinterpret_cast<const T*>(args.inputs[0]);
    data.scale = reinterpret_cast<const T*>(args.inputs[1]);
    data.bias = reinterpret_cast<const T*>(args.inputs[2]);
    data.y = reinterpret_cast<T*>(args.outputs[0]);
    if constexpr (std::is_same_v<T, float>) {
      f32_normalize_rows(shape_, data, kernel_context(args));
    } else {
      normalize_rows_reference(shape_, data);
    }
    return {};
  }

 private:
  NormalizeRows shape_;
};

// groups == 0: InstanceNormalization, every channel by itself.
class GroupNormOp final : public LinearTimeOp {
 public:
  GroupNormOp(int64_t groups, float epsilon, bool affine_per_group)
      : groups_(groups), epsilon_(epsilon), affine_per_group_(affine_per_group) {}
  const char* op_type() const override { return groups_ == 0 ? "InstanceNormalization" : "GroupNormalization"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand& x = inputs[0];
    if (!dispatch_type(FloatTypes{}, x.type, []<typename T>() { return true; })) {
      return op_unsupported(data_type_name(x.type));
    }
    if (x.dims.size() < 2) return shape_mismatch("expected at least 2 dimensions, got " + dims_to_string(x.dims));
    if (groups_ > 0 && x.dims[1] % groups_ != 0) {
      return shape_mismatch(std::to_string(x.dims[1]) + " channels do not fall into " + std::to_string(groups_) +
                            " groups");
    }
    const Dims affine = {affine_per_group_ ? groups_ : x.dims[1]};
    for (const Operand& factor : inputs.subspan(1, 2)) {
      if (factor.type != x.type || factor.dims != affine) {
        return shape_mismatch("scale and bias: expected " + dims_to_string(affine) + ", got " +
                              dims_to_string(factor.dims));
      }
    }
    return std::vector<TensorFact>{{x.type, x.dims}};
  }

  bool may_copy_input(size_t input) const override { return input == 0; }
  bool may_overwrite(size_t input, std::span<const Operand>, std::span<const Operand>) const override {
    return input == 0;
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Dims& x = setup.inputs[0].dims;
    const auto channels = static_cast<size_t>(x[1]);
    const size_t groups = groups_ == 0 ? channels : static_cast<size_t>(groups_);
    size_t pixels = 1;
    for (size_t d = 2; d < x.size(); d++) pixels *= static_cast<size_t>(x[d]);
    const size_t per_group = groups == 0 ? 0 : channels / groups;
    const NormalizeRows shape = {.rows = pixels * per_group == 0 ? 0 : static_cast<size_t>(x[0]) * groups,
                                 .count = per_group * pixels,
                                 .epsilon = epsilon_,
                                 .per_segment = true,
                                 .segments = affine_per_group_ ? 1 : per_group,
                                 .period = groups};
    return dispatch_type(FloatTypes{}, setup.inputs[0].type, [&]<typename T>() {
      return std::unique_ptr<Kernel>(std::make_unique<GroupNormKernel<T>>(shape));
    });
  }

 private:
  int64_t groups_;
  float epsilon_;
  bool affine_per_group_;
};

template <typename T>
class LocalResponseKernel final : public Kernel {
 public:
  explicit LocalResponseKernel(const LocalResponse& shape) : shape_(shape) {}
  Result<void> run(const RunArgs& args) const override {
    const auto* x = reinterpret_cast<const T*>(args.inputs[0]);
    auto* y = reinterpret_cast<T*>(args.outputs[0]);
    const KernelContext context = kernel_context(args);
    const size_t work = shape_.channels * shape_.inner * (shape_.size + kFunctionWork);
    const size_t parts = parts_for(context.parallel, shape_.outer, work);
    parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
      const Part part = part_of(shape_.outer, index, parts);
      for (size_t outer = part.begin; outer < part.end; outer++) local_response_reference(shape_, outer, x, y);
    });
    return {};
  }

 private:
  LocalResponse shape_;
};

class LocalResponseOp final : public Op {
 public:
  LocalResponseOp(int64_t size, float alpha, float beta, float bias)
      : size_(size), alpha_(alpha), beta_(beta), bias_(bias) {}
  const char* op_type() const override { return "LRN"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand& x = inputs[0];
    if (!dispatch_type(FloatTypes{}, x.type, []<typename T>() { return true; })) {
      return op_unsupported(data_type_name(x.type));
    }
    if (x.dims.size() < 2) return shape_mismatch("expected at least 2 dimensions, got " + dims_to_string(x.dims));
    if (size_ < 1) return model_invalid("size must be positive");
    return std::vector<TensorFact>{{x.type, x.dims}};
  }

  // Channels-last is the same with the pixels outside and nothing inside the channels.
  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    return following_formats(inputs, outputs);
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& x = setup.inputs[0];
    size_t pixels = 1;
    for (size_t d = 2; d < x.dims.size(); d++) pixels *= static_cast<size_t>(x.dims[d]);
    const bool last = x.format == Format::kChannelsLast;
    const auto batch = static_cast<size_t>(x.dims[0]), channels = static_cast<size_t>(x.dims[1]);
    const LocalResponse shape = {.outer = element_count(x.dims) == 0 ? 0
                                          : last                     ? batch * pixels
                                                                     : batch,
                                 .channels = channels,
                                 .inner = last ? 1 : pixels,
                                 .size = static_cast<size_t>(size_),
                                 .alpha = alpha_,
                                 .beta = beta_,
                                 .bias = bias_};
    return dispatch_type(FloatTypes{}, x.type, [&]<typename T>() {
      return std::unique_ptr<Kernel>(std::make_unique<LocalResponseKernel<T>>(shape));
    });
  }

 private:
  int64_t size_;
  float alpha_, beta_, bias_;
};

}  // namespace

OpPtr make_instance_norm(float epsilon) { return std::make_shared<GroupNormOp>(0, epsilon, false); }
OpPtr make_group_norm(int64_t groups, float epsilon, bool affine_per_group) {
  return std::make_shared<GroupNormOp>(groups, epsilon, affine_per_group);
}
OpPtr make_local_response_norm(int64_t size, float alpha, float beta, float bias) {
  return std::make_shared<LocalResponseOp>(size, alpha, beta, bias);
}

}  // namespace sealedge
