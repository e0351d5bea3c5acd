// Between the caller's tensors and a plan's: checks inputs against the model, hands outputs out.
#pragma once

#include <span>
#include <vector>

#include "core/keyed_hash.h"
#include "core/result.h"
#include "engine/run_value.h"
#include "engine/session.h"

namespace sealedge {

struct BoundInputs {
  std::vector<RunValue> values;  // of the model's inputs, then of the overridable ones that are fed
  std::vector<bool> fed;         // by overridable input; empty when none is fed
};

// The inputs of one run, in the model's order; those that are not aligned for their element type are copied. Fails with
// kInputInvalid (unknown, twice, missing, another type, another byte count) or kShapeMismatch.
Result<BoundInputs> bind_inputs(const std::vector<TensorMetadata>& model_inputs,
                                const std::vector<TensorMetadata>& overridable_inputs, std::span<const RunInput> given);

// Where several outputs are delivered into the caller's memory, a result that an input passes on lies there too, and
// one output could be written over what the next is: such results are copied.
Result<void> set_aside_inputs(std::span<const RunOutput> outputs, std::span<RunValue> results);

// Copies a result to where the caller wants it. `data` is row-major.
Result<void> deliver_output(const TensorFact& fact, const uint8_t* data, RunOutput* output);

}  // namespace sealedge
