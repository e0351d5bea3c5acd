// QuantizeLinear and DequantizeLinear (ONNX opsets 10 to 28, but for float types of 4 and 8 bits, which this engine
// does not store).
#include "graph/ops/quantised/quantize.h"

#include <cmath>
#include <limits>

#include "graph/ops/element_types.h"
#include "graph/ops/quantised/quantize_axis.h"
#include "graph/ops/support.h"
#include "kernels/qelementwise/qelementwise_scalar.h"

namespace sealedge {

namespace {

using SteppedTypes = TypeList<int8_t, uint8_t, int16_t, uint16_t>;

// kBits: of a step, fewer than Y has where several are packed into a byte.
template <typename Y, unsigned kBits>
inline constexpr int32_t kLowestStep = std::is_signed_v<Y> ? -(1 << (kBits - 1)) : 0;
template <typename Y, unsigned kBits>
inline constexpr int32_t kHighestStep = kLowestStep<Y, kBits> + (1 << kBits) - 1;

// The loop of any types; FromX and so on are read one by one, scales by QuantizeAxis.
using Loop = void (*)(const QuantizeAxis& axis, const uint8_t* x, const uint8_t* scale, const uint8_t* zero,
                      uint8_t* y);

template <typename Body>
void each_element(const QuantizeAxis& axis, Body body) {
  size_t at = 0;
  for (size_t o = 0; o < axis.outer; o++) {
    for (size_t i = 0; i < axis.size; i++) {
      for (size_t n = 0; n < axis.inner; n++) body(at++, axis.scale_index(o, i, n));
    }
  }
}

// y = saturate(rint_half_even(x / scale) + zero)
template <typename X, typename S, typename Y, unsigned kBits>
void quantize_loop(const QuantizeAxis& axis, const uint8_t* x, const uint8_t* scale, const uint8_t* zero, uint8_t* y) {
  each_element(axis, [&](size_t i, size_t s) {
    const int32_t zero_point = zero ? reinterpret_cast<const Y*>(zero)[s] : 0;
    const auto lo = static_cast<float>(kLowestStep<Y, kBits> - zero_point);
    const auto hi = static_cast<float>(kHighestStep<Y, kBits> - zero_point);
    const float value = static_cast<float>(reinterpret_cast<const X*>(x)[i]);
    const float step = static_cast<float>(reinterpret_cast<const S*>(scale)[s]);
    reinterpret_cast<Y*>(y)[i] = static_cast<Y>(round_to_step_scalar(value / step, lo, hi, zero_point));
  });
}

// y = (x - zero) * scale; the difference exactly, then rounded to float once.
template <typename X, typename S>
void dequantize_loop(const QuantizeAxis& axis, const uint8_t* x, const uint8_t* scale, const uint8_t* zero,
                     uint8_t* y) {
  each_element(axis, [&](size_t i, size_t s) {
    const int64_t zero_point = zero ? reinterpret_cast<const X*>(zero)[s] : 0;
    const auto steps = static_cast<float>(int64_t{reinterpret_cast<const X*>(x)[i]} - zero_point);
    reinterpret_cast<S*>(y)[i] = S(steps * static_cast<float>(reinterpret_cast<const S*>(scale)[s]));
  });
}

class LoopKernel final : public Kernel {
 public:
  LoopKernel(Loop loop, const QuantizeAxis& axis) : loop_(loop), axis_(axis) {}
  Result<void> run(const RunArgs& args) const override {
    loop_(axis_, args.inputs[0], args.inputs[1], args.inputs.size() > 2 ? args.inputs[2] : nullptr, args.outputs[0]);
    return {};
  }

 private:
  Loop loop_;
  QuantizeAxis axis_;
};

// float32 and 8 bits with one scale for all, on the kernels.
template <bool kQuantize>
class ByteKernel final : public Kernel {
 public:
  ByteKernel(bool is_signed, size_t size) : is_signed_(is_signed), size_(size) {}
  Result<void> run(const RunArgs& args) const override {
    const float scale = *reinterpret_cast<const float*>(args.inputs[1]);
    int32_t zero = 0;
    if (args.inputs.size() > 2 && args.inputs[2]) {
      zero = is_signed_ ? static_cast<int8_t>(*args.inputs[2]) : *args.inputs[2];
    }
    if constexpr (kQuantize) {
      const int32_t lowest = is_signed_ ? -128 : 0;
      const Q8Step step = {scale, zero, static_cast<float>(lowest - zero), static_cast<float>(lowest + 255 - zero)};
      q8_quantize(step, reinterpret_cast<const float*>(args.inputs[0]), args.outputs[0], size_, kernel_context(args));
    } else {
      q8_dequantize({scale, zero, is_signed_}, args.inputs[0], reinterpret_cast<float*>(args.outputs[0]), size_,
                    kernel_context(args));
    }
    return {};
  }

 private:
  bool is_signed_;
  size_t size_;
};

bool is_byte(DataType type) { return type == DataType::kInt8 || type == DataType::kUint8; }

// What both operators share: one tensor, its scale and zero point.
class LinearOp : public LinearTimeOp {
 public:
  explicit LinearOp(QuantizeAttributes attributes) : attributes_(attributes) {}
  const QuantizeAttributes& attributes() const { return attributes_; }

  // Elementwise, so channels-last as well, unless scales are laid out like the tensor.
  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand>) const override {
    FormatChoice choice = {std::vector<Format>(inputs.size(), Format::kRowMajor), {Format::kRowMajor}};
    const auto axis = resolve_quantize_axis(attributes_, inputs[0], inputs[1], zero_point(inputs));
    const bool along_channels = attributes_.axis == 1 && !(axis.ok() && axis->blocked);
    if (axis.ok() && (axis->one_scale || along_channels)) choice.inputs[0] = choice.outputs[0] = inputs[0].format;
    return choice;
  }

 protected:
  static Operand zero_point(std::span<const Operand> inputs) { return inputs.size() > 2 ? inputs[2] : Operand{}; }

  Result<void> check(std::span<const Operand> inputs) const {
    if (attributes_.block_size < 0) return model_invalid("attribute 'block_size' must not be negative");
    SEALEDGE_TRY(resolve_quantize_axis(attributes_, inputs[0], inputs[1], zero_point(inputs)));
    return {};
  }

  QuantizeAttributes attributes_;
};

class QuantizeLinearOp final : public LinearOp {
 public:
  using LinearOp::LinearOp;
  const char* op_type() const override { return "QuantizeLinear"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const DataType type = output_type(inputs);
    if (!find_loop(inputs[0].type, inputs[1].type, type)) {
      return op_unsupported(std::string("from ") + data_type_name(inputs[0].type) + " to " + data_type_name(type) +
                            " with a scale of " + data_type_name(inputs[1].type));
    }
    SEALEDGE_TRY(check(inputs));
    return std::vector<TensorFact>{{type, inputs[0].dims}};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand &x = setup.inputs[0], &scale = setup.inputs[1];
    const DataType type = output_type(setup.inputs);
    SEALEDGE_ASSIGN(const QuantizeAxis axis, resolve_quantize_axis(attributes_, x, scale, zero_point(setup.inputs)));
    if (axis.one_scale && x.type == DataType::kFloat32 && scale.type == DataType::kFloat32 && is_byte(type)) {
      return std::unique_ptr<Kernel>(std::make_unique<ByteKernel<true>>(type == DataType::kInt8, axis.inner));
    }
    return std::unique_ptr<Kernel>(std::make_unique<LoopKernel>(find_loop(x.type, scale.type, type), axis));
  }

 private:
  DataType output_type(std::span<const Operand> inputs) const {
    if (zero_point(inputs).present) return inputs[2].type;
    return attributes_.type == DataType::kUndefined ? DataType::kUint8 : attributes_.type;
  }

  static Loop find_loop(DataType x, DataType scale, DataType y) {
    return dispatch_type(TypeList<float, Float16, int32_t>{}, x, [&]<typename X>() {
      return dispatch_type(TypeList<float, Float16, int32_t>{}, scale, [&]<typename S>() {
        const unsigned bits = data_type_packed_bits(y);
        return dispatch_type(SteppedTypes{}, data_type_in_memory(y), [&]<typename Y>() -> Loop {
          if constexpr (sizeof(Y) == 1) {
            if (bits == 4) return quantize_loop<X, S, Y, 4>;
            if (bits == 2) return quantize_loop<X, S, Y, 2>;
          }
          return quantize_loop<X, S, Y, 8 * sizeof(Y)>;
        });
      });
    });
  }
};

class DequantizeLinearOp final : public LinearOp {
 public:
  using LinearOp::LinearOp;
  const char* op_type() const override { return "DequantizeLinear"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    if (!find_loop(inputs[0].type, inputs[1].type)) {
      return op_unsupported(std::string("from ") + data_type_name(inputs[0].type) + " with a scale of " +
                            data_type_name(inputs[1].type));
    }
    const Operand zero = zero_point(inputs);
    if (zero.present && zero.type != inputs[0].type)
      return model_invalid("the zero point's type is not that of the input");
    SEALEDGE_TRY(check(inputs));
    return std::vector<TensorFact>{{inputs[1].type, inputs[0].dims}};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand &x = setup.inputs[0], &scale = setup.inputs[1];
    SEALEDGE_ASSIGN(const QuantizeAxis axis, resolve_quantize_axis(attributes_, x, scale, zero_point(setup.inputs)));
    if (axis.one_scale && scale.type == DataType::kFloat32 && is_byte(data_type_in_memory(x.type))) {
      const bool is_signed = data_type_in_memory(x.type) == DataType::kInt8;
      return std::unique_ptr<Kernel>(std::make_unique<ByteKernel<false>>(is_signed, axis.inner));
    }
    return std::unique_ptr<Kernel>(std::make_unique<LoopKernel>(find_loop(x.type, scale.type), axis));
  }

 private:
  static Loop find_loop(DataType x, DataType scale) {
    return dispatch_type(SteppedTypes{} + TypeList<int32_t>{}, data_type_in_memory(x), [&]<typename X>() {
      return dispatch_type(TypeList<float, Float16>{}, scale,
                           []<typename S>() -> Loop { return dequantize_loop<X, S>; });
    });
  }
};

template <typename OpType>
std::optional<QuantizeAttributes> attributes_of(const Op& op) {
  const auto* linear = dynamic_cast<const OpType*>(&op);
  return linear ? std::optional(linear->attributes()) : std::nullopt;
}

}  // namespace

OpPtr make_quantize_linear(QuantizeAttributes attributes) { return std::make_shared<QuantizeLinearOp>(attributes); }
OpPtr make_dequantize_linear(QuantizeAttributes attributes) { return std::make_shared<DequantizeLinearOp>(attributes); }

std::optional<QuantizeAttributes> as_quantize_linear(const Op& op) { return attributes_of<QuantizeLinearOp>(op); }
std::optional<QuantizeAttributes> as_dequantize_linear(const Op& op) { return attributes_of<DequantizeLinearOp>(op); }

}  // namespace sealedge
