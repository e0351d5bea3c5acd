#include "graph/ops/product/product_parameters.h"

#include <algorithm>
#include <cmath>

#include "core/alignment.h"
#include "graph/ops/support.h"
#include "kernels/requantize_scalar.h"

namespace sealedge {

namespace {

bool is_byte(DataType type) { return type == DataType::kInt8 || type == DataType::kUint8; }

int32_t read_zero(DataType type, const uint8_t* data, size_t i) {
  return type == DataType::kInt8 ? static_cast<int8_t>(data[i]) : data[i];
}

// Unsigned weights are packed less 128.
int32_t packed_zero(DataType type, const uint8_t* data, size_t i) {
  if (!data) return type == DataType::kUint8 ? -128 : 0;
  return read_zero(type, data, i) - (type == DataType::kUint8 ? 128 : 0);
}

bool all_packed_zeros_are_zero(const Operand& zero, DataType w_type) {
  if (!zero.present) return packed_zero(w_type, nullptr, 0) == 0;
  if (!zero.data) return false;
  for (int64_t i = 0; i < element_count(zero.dims); i++) {
    if (packed_zero(w_type, zero.data, static_cast<size_t>(i)) != 0) return false;
  }
  return true;
}

int32_t saturate_to_int32(double v) {
  if (!(v > -2147483648.0)) return std::numeric_limits<int32_t>::min();
  if (v >= 2147483647.0) return std::numeric_limits<int32_t>::max();
  return static_cast<int32_t>(std::nearbyint(v));
}

// What a real bound is in steps of y, as a whole number before the zero point is added, within lo..hi.
float bound_in_steps(float bound, float y_scale, float lo, float hi) {
  // No bound at all, also where the scale is negative or infinite.
  if (std::isinf(bound)) return bound < 0 ? lo : hi;
  return static_cast<float>(round_to_step_scalar(bound / y_scale, lo, hi, 0));
}

Operand input_or_absent(std::span<const Operand> inputs, size_t i) { return i < inputs.size() ? inputs[i] : Operand{}; }

// One element, or one per channel along the last of the dims that are not 1.
bool fits_channels(const Operand& operand, int64_t channels) {
  const int64_t count = element_count(operand.dims);
  if (count == 1) return true;
  return count == channels && std::ranges::count_if(operand.dims, [](int64_t d) { return d != 1; }) == 1;
}

Result<void> check_input(std::span<const Operand> inputs, size_t i, DataType type, int64_t channels, const char* name) {
  const Operand operand = input_or_absent(inputs, i);
  if (!operand.present) return {};
  if (operand.type != type) {
    return model_invalid(std::string(name) + ": expected " + data_type_name(type) + ", got " +
                         data_type_name(operand.type));
  }
  if (!fits_channels(operand, channels)) {
    return shape_mismatch(std::string(name) + " " + dims_to_string(operand.dims) + " does not fit " +
                          (channels == 1 ? "one tensor" : std::to_string(channels) + " channels"));
  }
  return {};
}

}  // namespace

void product_multipliers(float x_scale, const float* w_scale, size_t w_scales, const float* y_scale, size_t channels,
                         float* multiplier) {
  for (size_t o = 0; o < channels; o++) {
    const float product = x_scale * w_scale[w_scales == 1 ? 0 : o];
    multiplier[o] = y_scale ? product / *y_scale : product;
  }
}

void product_bias(const ProductBias& bias, float x_scale, const float* w_scale, size_t w_scales, size_t channels,
                  int32_t* out) {
  for (size_t o = 0; o < channels; o++) {
    const float step = x_scale * w_scale[w_scales == 1 ? 0 : o];
    if (bias.type == DataType::kFloat32) {
      out[o] = saturate_to_int32(static_cast<double>(reinterpret_cast<const float*>(bias.bias)[o]) /
                                 static_cast<double>(step));
      continue;
    }
    const int64_t zero = bias.zero ? bias.zero[bias.zeros == 1 ? 0 : o] : 0;
    const auto value = static_cast<double>(int64_t{reinterpret_cast<const int32_t*>(bias.bias)[o]} - zero);
    const float own = bias.scale ? bias.scale[bias.scales == 1 ? 0 : o] : step;
    out[o] = saturate_to_int32(own == step ? value : value * static_cast<double>(own) / static_cast<double>(step));
  }
}

Result<DataType> check_product_inputs(std::span<const Operand> inputs, const ProductOutput& output, int64_t channels) {
  using P = ProductInput;
  const DataType x = inputs[P::kX].type, w = inputs[P::kW].type;
  if (!is_byte(x) || !is_byte(w)) {
    return op_unsupported(std::string(data_type_name(x)) + " times " + data_type_name(w));
  }
  const Operand y_zero = input_or_absent(inputs, P::kYZero);
  const DataType type = output.type != DataType::kUndefined ? output.type
                        : y_zero.present                    ? y_zero.type
                                                            : DataType::kUint8;
  if (type != DataType::kInt32 && type != DataType::kFloat32 && !is_byte(type)) {
    return op_unsupported(std::string(data_type_name(type)) + " output");
  }
  const DataType f32 = DataType::kFloat32;
  SEALEDGE_TRY(check_input(inputs, P::kXScale, f32, 1, "scale of the first operand"));
  SEALEDGE_TRY(check_input(inputs, P::kXZero, x, 1, "zero point of the first operand"));
  SEALEDGE_TRY(check_input(inputs, P::kWScale, f32, channels, "scale of the weights"));
  SEALEDGE_TRY(check_input(inputs, P::kWZero, w, channels, "zero point of the weights"));
  SEALEDGE_TRY(check_input(inputs, P::kYScale, f32, 1, "scale of the output"));
  SEALEDGE_TRY(check_input(inputs, P::kYZero, type, 1, "zero point of the output"));
  SEALEDGE_TRY(check_input(inputs, P::kBiasScale, f32, channels, "scale of the bias"));
  SEALEDGE_TRY(check_input(inputs, P::kBiasZero, DataType::kInt32, channels, "zero point of the bias"));
  const Operand bias = input_or_absent(inputs, P::kBias);
  if (bias.present && bias.type != DataType::kFloat32) {
    SEALEDGE_TRY(check_input(inputs, P::kBias, DataType::kInt32, channels, "bias"));
  }
  if (bias.present && element_count(bias.dims) != channels) {
    return shape_mismatch("bias " + dims_to_string(bias.dims) + " does not fit " + std::to_string(channels) +
                          " channels");
  }
  return type;
}

WeightLayout product_weight_layout(DataType type, bool depthwise) {
  if (type == DataType::kInt8) return depthwise ? WeightLayout::kInt8Depthwise16 : WeightLayout::kInt8Panel16;
  if (type == DataType::kUint8) return depthwise ? WeightLayout::kUint8Depthwise16 : WeightLayout::kUint8Panel16;
  return WeightLayout::kPlain;
}

ProductParameters::ProductParameters(std::span<const Operand> inputs, const ProductOutput& output, DataType y_type,
                                     size_t channels)
    : output_(output), y_type_(y_type), channels_(channels) {
  for (size_t i = 0; i < inputs.size() && i < ProductInput::kCount; i++) {
    if (!inputs[i].present) continue;
    types_[i] = inputs[i].type;
    counts_[i] = static_cast<size_t>(element_count(inputs[i].dims));
  }
  weights_have_zero_point_ =
      !all_packed_zeros_are_zero(input_or_absent(inputs, ProductInput::kWZero), types_[ProductInput::kW]);
  const size_t vector = round_up_64(channels * 4);
  if (weights_have_zero_point_) scratch_bytes_ += vector;
  if (counts_[ProductInput::kMultiplier] == 0 && y_type != DataType::kInt32) scratch_bytes_ += vector;
  if (counts_[ProductInput::kSumBias] == 0 && counts_[ProductInput::kBias] != 0) scratch_bytes_ += vector;
}

ProductParameters::Values ProductParameters::read(std::span<const uint8_t* const> inputs, uint8_t* scratch) const {
  using P = ProductInput;
  const auto data = [&](size_t i) { return i < inputs.size() && counts_[i] != 0 ? inputs[i] : nullptr; };
  const auto floats = [&](size_t i) { return reinterpret_cast<const float*>(data(i)); };
  const auto take = [&] {
    uint8_t* part = scratch;
    scratch += round_up_64(channels_ * 4);
    return part;
  };
  Values values = {};
  if (data(P::kXZero)) values.x_zero = read_zero(types_[P::kX], data(P::kXZero), 0);
  if (weights_have_zero_point_) {
    auto* zeros = reinterpret_cast<int32_t*>(take());
    const bool one = counts_[P::kWZero] <= 1;
    for (size_t o = 0; o < channels_; o++) zeros[o] = packed_zero(types_[P::kW], data(P::kWZero), one ? 0 : o);
    values.weight_zero = zeros;
  }

  // Of integer products the scales are the model's business, and 1 here.
  static constexpr float kOne = 1.0f;
  const float x_scale = data(P::kXScale) ? *floats(P::kXScale) : kOne;
  const float* w_scale = data(P::kWScale) ? floats(P::kWScale) : &kOne;
  const size_t w_scales = std::max<size_t>(counts_[P::kWScale], 1);
  Q8Epilogue& e = values.epilogue;
  if (data(P::kMultiplier)) {
    e.multiplier = floats(P::kMultiplier);
  } else if (y_type_ != DataType::kInt32) {
    auto* multiplier = reinterpret_cast<float*>(take());
    product_multipliers(x_scale, w_scale, w_scales, floats(P::kYScale), channels_, multiplier);
    e.multiplier = multiplier;
  }
  if (data(P::kSumBias)) {
    values.bias = reinterpret_cast<const int32_t*>(data(P::kSumBias));
  } else if (data(P::kBias)) {
    auto* bias = reinterpret_cast<int32_t*>(take());
    product_bias({types_[P::kBias], data(P::kBias), floats(P::kBiasScale), counts_[P::kBiasScale],
                  reinterpret_cast<const int32_t*>(data(P::kBiasZero)), counts_[P::kBiasZero]},
                 x_scale, w_scale, w_scales, channels_, bias);
    values.bias = bias;
  }

  if (y_type_ == DataType::kInt32 || y_type_ == DataType::kFloat32) {
    e.output = y_type_ == DataType::kInt32 ? Q8Output::kInt32 : Q8Output::kFloat32;
    return values;
  }
  const bool is_signed = y_type_ == DataType::kInt8;
  e.output = is_signed ? Q8Output::kInt8 : Q8Output::kUint8;
  e.zero_point = data(P::kYZero) ? read_zero(y_type_, data(P::kYZero), 0) : 0;
  const int32_t lowest = is_signed ? -128 : 0;
  const auto lo = static_cast<float>(lowest - e.zero_point), hi = static_cast<float>(lowest + 255 - e.zero_point);
  const float y_scale = data(P::kYScale) ? *floats(P::kYScale) : kOne;
  e.lo = bound_in_steps(output_.lo, y_scale, lo, hi);
  e.hi = std::max(e.lo, bound_in_steps(output_.hi, y_scale, lo, hi));
  return values;
}

}  // namespace sealedge
