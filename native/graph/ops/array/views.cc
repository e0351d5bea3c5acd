// Operators that only name the same elements by other dims: Reshape, Flatten, Squeeze, Unsqueeze, Identity. Row-major
// bytes stay where they are, so as a rule no step is run; the kernel serves values that cannot share storage (graph
// inputs as outputs).
#include <cstring>

#include "core/checked.h"
#include "graph/ops.h"
#include "graph/ops/legacy_forms.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

class CopyKernel final : public Kernel {
 public:
  explicit CopyKernel(size_t size_bytes) : size_bytes_(size_bytes) {}
  Result<void> run(const RunArgs& args) const override {
    if (size_bytes_ > 0 && args.outputs[0] != args.inputs[0]) {
      std::memmove(args.outputs[0], args.inputs[0], size_bytes_);
    }
    return {};
  }

 private:
  size_t size_bytes_;
};

class ViewOp : public LinearTimeOp {
 public:
  bool output_is_view(std::span<const Operand>, std::span<const Operand>) const override { return true; }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    SEALEDGE_ASSIGN(const size_t size_bytes, checked_size_bytes({setup.inputs[0].type, setup.inputs[0].dims}));
    return std::unique_ptr<Kernel>(std::make_unique<CopyKernel>(size_bytes));
  }

 protected:
  static Result<std::vector<TensorFact>> same_elements(const Operand& input, Dims dims) {
    SEALEDGE_ASSIGN(const int64_t count, checked_element_count(dims));
    if (count != element_count(input.dims)) {
      return shape_mismatch("cannot view " + dims_to_string(input.dims) + " as " + dims_to_string(dims));
    }
    return std::vector<TensorFact>{{input.type, std::move(dims)}};
  }
};

class ReshapeOp final : public ViewOp {
 public:
  explicit ReshapeOp(bool allow_zero) : allow_zero_(allow_zero) {}
  const char* op_type() const override { return "Reshape"; }
  bool needs_contents(size_t input) const override { return input == 1; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    SEALEDGE_ASSIGN(Dims dims, shape_argument(inputs[1], "shape"));
    size_t unknown = SIZE_MAX;
    int64_t known = 1;
    for (size_t i = 0; i < dims.size(); ++i) {
      if (dims[i] == 0 && !allow_zero_) {
        if (i >= inputs[0].dims.size())
          return shape_mismatch("shape: 0 copies a dimension that the input does not have");
        dims[i] = inputs[0].dims[i];
      }
      if (dims[i] == -1) {
        if (unknown != SIZE_MAX) return model_invalid("shape: more than one -1");
        unknown = i;
      } else if (dims[i] < 0) {
        return model_invalid("shape: negative dimension " + std::to_string(dims[i]));
      } else if (!checked_mul(known, dims[i], &known)) {
        return model_invalid("shape: too many elements");
      }
    }
    if (unknown != SIZE_MAX) {
      const int64_t count = element_count(inputs[0].dims);
      if (known == 0 || count % known != 0) {
        return shape_mismatch("cannot view " + dims_to_string(inputs[0].dims) + " as " + dims_to_string(dims));
      }
      dims[unknown] = count / known;
    }
    return same_elements(inputs[0], std::move(dims));
  }

 private:
  bool allow_zero_;
};

class FlattenOp final : public ViewOp {
 public:
  explicit FlattenOp(int64_t axis) : axis_(axis) {}
  const char* op_type() const override { return "Flatten"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Dims& dims = inputs[0].dims;
    // axis = rank is allowed: everything is in the outer dimension.
    size_t axis = dims.size();
    if (axis_ != static_cast<int64_t>(dims.size())) {
      SEALEDGE_ASSIGN(axis, resolve_axis(axis_, dims.size()));
    }
    int64_t outer = 1;
    int64_t inner = 1;
    for (size_t i = 0; i < dims.size(); ++i) (i < axis ? outer : inner) *= dims[i];
    return same_elements(inputs[0], {outer, inner});
  }

 private:
  int64_t axis_;
};

class SqueezeOp final : public ViewOp {
 public:
  const char* op_type() const override { return "Squeeze"; }
  bool needs_contents(size_t input) const override { return input == 1; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Dims& dims = inputs[0].dims;
    std::vector<bool> chosen(dims.size());
    if (inputs.size() > 1 && inputs[1].present) {
      SEALEDGE_ASSIGN(const std::vector<int64_t> axes, shape_argument(inputs[1], "axes"));
      SEALEDGE_ASSIGN(chosen, resolve_axes(axes, dims.size()));
    } else {
      for (size_t i = 0; i < dims.size(); ++i) chosen[i] = dims[i] == 1;
    }
    Dims kept;
    for (size_t i = 0; i < dims.size(); ++i) {
      if (!chosen[i]) kept.push_back(dims[i]);
    }
    return same_elements(inputs[0], std::move(kept));
  }
};

class UnsqueezeOp final : public ViewOp {
 public:
  const char* op_type() const override { return "Unsqueeze"; }
  bool needs_contents(size_t input) const override { return input == 1; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    SEALEDGE_ASSIGN(const std::vector<int64_t> axes, shape_argument(inputs[1], "axes"));
    if (axes.size() > kMaxRank) return model_invalid("axes: too many");
    SEALEDGE_ASSIGN(const std::vector<bool> added, resolve_axes(axes, inputs[0].dims.size() + axes.size()));
    Dims dims;
    auto next = inputs[0].dims.begin();
    for (bool one : added) dims.push_back(one ? 1 : *next++);
    return same_elements(inputs[0], std::move(dims));
  }
};

class IdentityOp final : public ViewOp {
 public:
  const char* op_type() const override { return "Identity"; }
  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    return same_elements(inputs[0], inputs[0].dims);
  }
};

class BroadcastAxisOp final : public ViewOp {
 public:
  explicit BroadcastAxisOp(int64_t axis) : axis_(axis) {}
  const char* op_type() const override { return "BroadcastAxis"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    SEALEDGE_ASSIGN(const size_t axis, resolve_axis(axis_, inputs[1].dims.size()));
    Dims dims = inputs[0].dims;
    if (axis + dims.size() > inputs[1].dims.size())
      return shape_mismatch("broadcast axis leaves no room for the operand");
    dims.resize(inputs[1].dims.size() - axis, 1);
    return same_elements(inputs[0], std::move(dims));
  }

 private:
  int64_t axis_;
};

class ChannelSlopeOp final : public ViewOp {
 public:
  const char* op_type() const override { return "ChannelSlope"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    Dims dims = inputs[0].dims;
    if (dims.size() == 1 && dims[0] != 1 && inputs[1].dims.size() > 2) dims.resize(inputs[1].dims.size() - 1, 1);
    return same_elements(inputs[0], std::move(dims));
  }
};

}  // namespace

OpPtr make_reshape(bool allow_zero) { return std::make_shared<ReshapeOp>(allow_zero); }
OpPtr make_flatten(int64_t axis) { return std::make_shared<FlattenOp>(axis); }
OpPtr make_squeeze() { return std::make_shared<SqueezeOp>(); }
OpPtr make_unsqueeze() { return std::make_shared<UnsqueezeOp>(); }
OpPtr make_identity() { return std::make_shared<IdentityOp>(); }
OpPtr make_channel_slope() { return std::make_shared<ChannelSlopeOp>(); }
OpPtr make_broadcast_axis(int64_t axis) { return std::make_shared<BroadcastAxisOp>(axis); }

}  // namespace sealedge
