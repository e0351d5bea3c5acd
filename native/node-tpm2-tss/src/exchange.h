// One command and its response: prepared by the System API in secret memory, sessions added, sent, authenticated,
// decrypted.
#pragma once

#include <chrono>
#include <vector>

#include "command.h"
#include "session.h"
#include "tcti.h"

namespace sealedge::tpm {

struct ExchangeOptions {
  int command_timeout_ms;
  int retry_timeout_ms;
};

struct ExchangeRequest {
  const Command* command;
  std::vector<TPM2_HANDLE> handles;
  // Names of the handles, in order; needed only when a session has an HMAC.
  std::vector<Bytes> names;
  const Parameters* parameters;
  std::vector<SessionUse> sessions;
};

struct ExchangeOutcome {
  Reply reply;
  // Of a command that creates an object.
  TPM2_HANDLE created_handle = 0;
  Bytes created_public;
};

// How far a failed exchange came: whether the TPM may have executed the command.
enum class Progress { kNotSent, kSent, kRefused };

struct ExchangeFailure {
  Error error;
  Progress progress;
  // The response code, when the TPM or a layer below gave one.
  TSS2_RC rc = TSS2_RC_SUCCESS;
};

class Exchange {
 public:
  Exchange(Tcti& tcti, const ExchangeOptions& options) : tcti_(tcti), options_(options) {}

  // Repeats on TPM_RC_RETRY, TPM_RC_YIELDED and TPM_RC_TESTING, each time with new nonces. On success the nonces of the
  // sessions have rolled; on failure *failure says what the caller must assume about the TPM.
  Result<ExchangeOutcome> run(const ExchangeRequest& request, ExchangeFailure* failure);

 private:
  Result<ExchangeOutcome> attempt(const ExchangeRequest& request, ExchangeFailure* failure);
  Tcti& tcti_;
  ExchangeOptions options_;
};

}  // namespace sealedge::tpm
