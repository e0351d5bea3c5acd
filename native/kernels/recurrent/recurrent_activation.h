// The activations of recurrent layers, on float vectors of any length, in place.
#pragma once

#include <cstddef>

#include "kernels/dispatch.h"
#include "kernels/recurrent/recurrent.h"

namespace sealedge {

void f32_recurrent_activation(const RecurrentActivation& activation, const KernelTable& kernels, float* x, size_t size);

// Of one value, as the standard writes it: the oracle.
double recurrent_activation(const RecurrentActivation& activation, double x);

}  // namespace sealedge
