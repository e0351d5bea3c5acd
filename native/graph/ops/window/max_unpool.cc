// MaxUnpool: every value goes back to where its maximum was found; all else is zero.
#include <algorithm>
#include <cstring>

#include "graph/ops/element_types.h"
#include "graph/ops/support.h"
#include "graph/ops/window.h"
#include "graph/ops/window/pooling.h"

namespace sealedge {

namespace {

// Indices count the elements of the inferred tensor; a larger one that was asked for has more at the end of each
// dimension.
class MaxUnpoolKernel final : public Kernel {
 public:
  MaxUnpoolKernel(size_t count, size_t element_bytes, Dims inferred, Dims output)
      : count_(count), element_bytes_(element_bytes), inferred_(std::move(inferred)), output_(std::move(output)) {}

  Result<void> run(const RunArgs& args) const override {
    uint8_t* y = args.outputs[0];
    const int64_t total = element_count(inferred_);
    std::memset(y, 0, static_cast<size_t>(element_count(output_)) * element_bytes_);
    for (size_t i = 0; i < count_; i++) {
      int64_t index;
      std::memcpy(&index, args.inputs[1] + i * sizeof index, sizeof index);
      int64_t to = 0, step = 1;
      bool inside = index >= 0 && index < total;
      for (size_t d = output_.size(); inside && d-- > 0; index /= inferred_[d]) {
        const int64_t at = index % inferred_[d];
        inside = at < output_[d];
        to += at * step;
        step *= output_[d];
      }
      if (!inside) return Error{ErrorCode::kInputInvalid, "an index is outside of the output"};
      std::memcpy(y + static_cast<size_t>(to) * element_bytes_, args.inputs[0] + i * element_bytes_, element_bytes_);
    }
    return {};
  }

 private:
  size_t count_, element_bytes_;
  Dims inferred_, output_;
};

class MaxUnpoolOp final : public Op {
 public:
  explicit MaxUnpoolOp(WindowAttributes window) : window_(std::move(window)) {}
  const char* op_type() const override { return "MaxUnpool"; }
  bool needs_contents(size_t input) const override { return input == 2; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand& x = inputs[0];
    if (!dispatch_type(FloatTypes{}, x.type, []<typename T>() { return true; })) {
      return op_unsupported(data_type_name(x.type));
    }
    if (inputs[1].type != DataType::kInt64 || inputs[1].dims != x.dims) {
      return shape_mismatch("indices: expected int64 " + dims_to_string(x.dims) + ", got " +
                            data_type_name(inputs[1].type) + " " + dims_to_string(inputs[1].dims));
    }
    SEALEDGE_ASSIGN(Dims dims, output_dims(inputs));
    return std::vector<TensorFact>{{x.type, std::move(dims)}};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& x = setup.inputs[0];
    SEALEDGE_ASSIGN(Dims inferred, inferred_dims(x.dims));
    SEALEDGE_ASSIGN(Dims output, output_dims(setup.inputs));
    return std::unique_ptr<Kernel>(std::make_unique<MaxUnpoolKernel>(static_cast<size_t>(element_count(x.dims)),
                                                                     data_type_size_bytes(x.type), std::move(inferred),
                                                                     std::move(output)));
  }

 private:
  // (in - 1) * stride + kernel - pads, as a transposed convolution.
  Result<Dims> inferred_dims(const Dims& x) const {
    if (x.size() < 3 || window_.kernel_shape.size() != x.size() - 2) {
      return shape_mismatch("kernel_shape has " + std::to_string(window_.kernel_shape.size()) +
                            " dimensions, the input is " + dims_to_string(x));
    }
    SEALEDGE_ASSIGN(const WindowGeometry window, resolve_transposed_window(window_, {}, {}, x, window_.kernel_shape));
    Dims dims = {x[0], x[1]};
    for (size_t d = 3 - (x.size() - 2); d < 3; d++) dims.push_back(static_cast<int64_t>(window.in[d]));
    SEALEDGE_TRY(checked_element_count(dims));
    return dims;
  }

  Result<Dims> output_dims(std::span<const Operand> inputs) const {
    SEALEDGE_ASSIGN(const Dims inferred, inferred_dims(inputs[0].dims));
    if (inputs.size() < 3 || !inputs[2].present) return inferred;
    SEALEDGE_ASSIGN(const std::vector<int64_t> given, shape_argument(inputs[2], "output_shape"));
    if (given.size() != inferred.size() || std::ranges::any_of(given, [](int64_t size) { return size < 0; })) {
      return shape_mismatch("output_shape: expected " + std::to_string(inferred.size()) + " sizes");
    }
    return given;
  }

  WindowAttributes window_;
};

}  // namespace

OpPtr make_max_unpool(WindowAttributes window) { return std::make_shared<MaxUnpoolOp>(std::move(window)); }

}  // namespace sealedge
