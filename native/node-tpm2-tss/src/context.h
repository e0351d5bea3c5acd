// A TPM as one user of it sees it: its connection, its sessions and loaded objects, and the way back after something
// failed. All of it runs on the context's worker thread, on a secret stack.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "exchange.h"

namespace sealedge::tpm {

struct ContextOptions {
  std::string tcti;
  int command_timeout_ms;
  int retry_timeout_ms;
};

struct Handle {
  TPM2_HANDLE handle = 0;
  // The Name that the caller expects; empty when it has no expectation.
  Bytes name = {};
  // Set when this is a session of ours: its id, so that a lost session is never confused with a new one of the same
  // handle.
  std::optional<uint64_t> session = {};
};

struct Authorization {
  std::optional<uint64_t> session;  // without: password
  SecureBuffer auth_value;
};

struct CommandRequest {
  std::string command;
  std::vector<Handle> handles;
  std::vector<Authorization> authorizations;
  std::optional<uint64_t> encryption;
  Parameters parameters;
};

struct SessionRequest {
  TPM2_SE type = TPM2_SE_HMAC;
  uint32_t hash = TPM2_ALG_SHA256;
  bool parameter_encryption = false;
  std::optional<Handle> tpm_key;  // with its Name
  std::optional<Handle> bind;
  SecureBuffer bind_auth;
};

struct StartedSession {
  uint64_t id;
  TPM2_HANDLE handle;
};

class Context {
 public:
  explicit Context(ContextOptions options);
  // Connects, and notes which objects and sessions are there already: those are not ours to flush.
  Result<void> open();
  Result<Reply> execute(const CommandRequest& request);
  Result<StartedSession> start_session(const SessionRequest& request);
  // What a failed command may have left in the TPM is flushed before execute and start_session return, if the TPM can
  // be reached, else before the next command. The same here: flushing never fails because the TPM is away.
  void flush_session(uint64_t id);
  // The same for an object that this context loaded, if it is still that object.
  void flush_object(const Handle& object);
  // Flushes what is left, as far as the TPM can be reached, and disconnects.
  void close();

 private:
  struct HandleLists {
    std::set<TPM2_HANDLE> transient;
    std::set<TPM2_HANDLE> sessions;  // without the handle type: HMAC and policy sessions share one numbering
  };

  struct ClockState {
    uint64_t time;
    uint32_t reset_count, restart_count;
  };

  Result<Reply> run_command(const CommandRequest& request);
  Result<StartedSession> run_start_session(const SessionRequest& request);
  void settle();
  Result<void> ready();
  Result<void> resynchronize();
  Result<HandleLists> list_handles();
  Result<ClockState> read_clock();
  Result<ExchangeOutcome> exchange(const ExchangeRequest& request);
  void note_failure(const ExchangeRequest& request, const ExchangeFailure& failure, ErrorCode code);
  Result<Reply> plain(const char* command, std::vector<TPM2_HANDLE> handles, const Parameters& parameters);
  void flush_handle(TPM2_HANDLE handle);
  Result<void> keep_created(const CommandRequest& request, ExchangeOutcome* outcome);

  Result<Session*> session(uint64_t id, const char* command);
  Result<void> check_handles(const CommandRequest& request, std::vector<TPM2_HANDLE>* handles);
  Result<std::vector<SessionUse>> session_uses(const CommandRequest& request, const std::vector<Bytes>& names);
  Result<Bytes> name_of(const Handle& handle);
  Result<ByteSpan> read_public(TPM2_HANDLE handle, Bytes* storage);

  ExchangeOptions exchange_options_;
  Tcti tcti_;
  std::map<uint64_t, Session> sessions_;
  uint64_t next_session_id_ = 1;
  // Transient objects that this context loaded, with their Names.
  std::map<TPM2_HANDLE, Bytes> objects_;
  // Ours, to be flushed as soon as the TPM can be reached.
  std::set<TPM2_HANDLE> doomed_;
  // There before us.
  HandleLists foreign_;
  // The connection broke or the TPM may have been reset: look before the next command.
  bool resynchronize_ = false;
  // A command that creates a handle may have succeeded without our knowing the handle.
  bool orphans_ = false;
  std::optional<ClockState> clock_;
};

}  // namespace sealedge::tpm
