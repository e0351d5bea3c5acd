// A convolution whose windows lose most of their taps to the padding (an atrous convolution with a dilation as wide as
// its image), by regions of Y whose windows lose the same ones: no padded copy of X, no multiplication by zero.
#pragma once

#include "kernels/conv/conv.h"

namespace sealedge {

// That this takes clearly less than one product over a padded copy. x, y and epilogue are not looked at.
bool f32_conv_regions_pay(const F32ConvParams& params);

// x is channels-last and without padding. run_offsets: room for one per tap.
void f32_conv_regions(const F32ConvParams& params, const WeightSource& weights, ptrdiff_t* run_offsets,
                      const KernelContext& context);

}  // namespace sealedge
