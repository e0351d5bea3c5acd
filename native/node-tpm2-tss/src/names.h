// Names of entities (Part 1, 16): what cpHash binds a command to.
#pragma once

#include "values.h"

namespace sealedge::tpm {

// nameAlg || digest of a TPMT_PUBLIC.
Result<Bytes> name_of_public(ByteSpan public_area);
// nameAlg || digest of a TPMS_NV_PUBLIC.
Result<Bytes> name_of_nv_public(ByteSpan nv_public);
// The handle itself: PCRs, permanent entities, sessions.
Bytes name_of_handle(TPM2_HANDLE handle);
bool name_is_handle(TPM2_HANDLE handle);
bool is_transient(TPM2_HANDLE handle);
bool is_nv_index(TPM2_HANDLE handle);

}  // namespace sealedge::tpm
