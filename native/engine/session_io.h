// Between the caller's tensors and a plan's: checks inputs against the model, hands outputs out.
#pragma once

#include <span>
#include <vector>

#include "core/result.h"
#include "engine/run_value.h"
#include "engine/session.h"

namespace sealedge {

// The inputs of one run, in the model's order; those that are not aligned for their element type are copied. Fails with
// kInputInvalid (unknown, twice, missing, another type, another byte count) or kShapeMismatch.
Result<std::vector<RunValue>> bind_inputs(const std::vector<TensorMetadata>& model_inputs,
                                          std::span<const RunInput> given);

// Copies a result to where the caller wants it. `data` is row-major.
Result<void> deliver_output(const TensorFact& fact, const uint8_t* data, RunOutput* output);

}  // namespace sealedge
