// What may cross the border of a model.
#pragma once

#include "core/result.h"
#include "onnx/model_proto.h"

namespace sealedge {

// A dense tensor of a type that has a name and an array in the public API; else kOpUnsupported. `kind` is "input" or
// "output". bfloat16 and strings are inner types at most: nothing outside could hold or store them.
Result<void> check_value_type(const ValueInfoProto& info, const char* kind);

}  // namespace sealedge
