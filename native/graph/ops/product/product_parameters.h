// What a quantised product needs per output channel, from the scales, zero points and bias of its inputs: computed when
// planning where these are constants, in scratch otherwise.
#pragma once

#include <span>

#include "core/result.h"
#include "graph/ops/quantised/quantized_product.h"
#include "kernels/requantize.h"

namespace sealedge {

// multiplier[o] = fl32(fl32(x_scale * w_scale[o]) / y_scale), without the division when y_scale is null.
// w_scales is 1 or channels.
void product_multipliers(float x_scale, const float* w_scale, size_t w_scales, const float* y_scale, size_t channels,
                         float* multiplier);

struct ProductBias {
  DataType type;  // int32 or float32
  const uint8_t* bias;
  const float* scale;   // of an int32 bias; null: it is in steps of the sums already
  size_t scales;        // 1 or channels
  const int32_t* zero;  // of an int32 bias; null: 0
  size_t zeros;         // 1 or channels
};
// The bias in steps of the sums: b where its scale is that of the sums, else the nearest whole number to
// b * scale / fl32(x_scale * w_scale[o]), in double and saturated.
void product_bias(const ProductBias& bias, float x_scale, const float* w_scale, size_t w_scales, size_t channels,
                  int32_t* out);

// Types and dims of all inputs but X and W, whose own dims the operator has checked; `channels` are the output's.
Result<DataType> check_product_inputs(std::span<const Operand> inputs, const ProductOutput& output, int64_t channels);

// Op::may_copy_input: what is derived is read where it lies; the rest may be copied, into scratch, where it is not.
// Zero points say next to nothing of the weights.
constexpr bool product_may_copy(size_t input) {
  return input != ProductInput::kMultiplier && input != ProductInput::kSumBias && input != ProductInput::kWZero;
}
WeightLayout product_weight_layout(DataType type, bool depthwise);  // kPlain: not a type of weights

// Reads the inputs of a run. Immutable after construction, at prepare.
class ProductParameters {
 public:
  ProductParameters(std::span<const Operand> inputs, const ProductOutput& output, DataType y_type, size_t channels);

  bool weights_have_zero_point() const { return weights_have_zero_point_; }
  size_t scratch_bytes() const { return scratch_bytes_; }

  struct Values {
    int32_t x_zero;
    const int32_t* bias;         // null: 0
    const int32_t* weight_zero;  // null: 0; of the packed weights
    Q8Epilogue epilogue;
  };
  // `scratch` has scratch_bytes(), 64-byte aligned.
  Values read(std::span<const uint8_t* const> inputs, uint8_t* scratch) const;

 private:
  size_t input_count(size_t i) const { return counts_[i]; }

  DataType types_[ProductInput::kCount] = {};
  size_t counts_[ProductInput::kCount] = {};  // elements, 0 where absent
  ProductOutput output_;
  DataType y_type_;
  size_t channels_;
  bool weights_have_zero_point_;
  size_t scratch_bytes_ = 0;
};

}  // namespace sealedge
