// TPM and TSS response codes, decoded once to the names of the specification (Part 2, 6.6).
#pragma once

#include <tss2/tss2_common.h>

#include <string>

#include "core/result.h"

namespace sealedge::tpm {

struct DecodedRc {
  std::string name;      // "TPM_RC_POLICY_FAIL"; "TSS2_TCTI_RC_IO_ERROR" for other layers
  const char* layer;     // "tpm", "tcti", "sys", "mu", "resourceManager", "unknown"
  std::string argument;  // "session 1", "parameter 2", "handle 1" or empty
};

DecodedRc decode_rc(TSS2_RC rc);

// The code without layer, and in format one without the number of the session, parameter or handle: compare with
// TPM2_RC_*.
TSS2_RC base_rc(TSS2_RC rc);
bool is_tpm_layer(TSS2_RC rc);

// kTpmRc with the fields rc, rcName, layer, command (and argument); kTpmUnavailable for the transport's codes.
Error rc_error(TSS2_RC rc, const char* command);

}  // namespace sealedge::tpm
