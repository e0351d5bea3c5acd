// Reads one TensorProto: what it is goes to a TensorRecord, all fields but the data are copied.
#pragma once

#include <memory>
#include <string>

#include "core/result.h"
#include "sealing/tensor_record.h"

namespace sealedge {

// The message is [begin, end) of `source`. Appends to *fields every field except those that hold data or say where it
// is. True when the tensor has to be copied as it is: a STRING, or a type of unknown size. Fails with kModelInvalid.
Result<bool> scan_tensor(const std::shared_ptr<const ByteSource>& source, uint64_t begin, uint64_t end,
                         TensorRecord* record, std::string* fields);

}  // namespace sealedge
