#include "tcti.h"

#include <poll.h>
#include <tss2/tss2_tctildr.h>

#include <cerrno>
#include <iterator>

#include "rc.h"

namespace sealedge::tpm {

Result<void> Tcti::connect() {
  if (context_) return {};
  const TSS2_RC rc = Tss2_TctiLdr_Initialize(configuration_.c_str(), &context_);
  if (rc == TSS2_RC_SUCCESS) return {};
  context_ = nullptr;
  const DecodedRc decoded = decode_rc(rc);
  return Error{ErrorCode::kTpmUnavailable,
               "cannot reach a TPM at " + configuration_ + ": " + decoded.name,
               {{"rc", std::to_string(rc)}, {"rcName", decoded.name}, {"layer", "tcti"}, {"tcti", configuration_}}};
}

void Tcti::disconnect() {
  if (context_) Tss2_TctiLdr_Finalize(&context_);
  context_ = nullptr;
}

TSS2_RC Tcti::wait_for_response(int timeout_ms) {
  TSS2_TCTI_POLL_HANDLE handles[4];
  size_t count = 0;
  if (Tss2_Tcti_GetPollHandles(context_, nullptr, &count) != TSS2_RC_SUCCESS || count == 0) return TSS2_RC_SUCCESS;
  if (count > std::size(handles)) return TSS2_RC_SUCCESS;
  if (Tss2_Tcti_GetPollHandles(context_, handles, &count) != TSS2_RC_SUCCESS) return TSS2_RC_SUCCESS;
  for (size_t i = 0; i < count; i++) handles[i].events = POLLIN;
  int ready;
  do {
    ready = poll(handles, count, timeout_ms);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) return TSS2_TCTI_RC_TRY_AGAIN;
  return ready < 0 ? TSS2_TCTI_RC_IO_ERROR : TSS2_RC_SUCCESS;
}

}  // namespace sealedge::tpm
