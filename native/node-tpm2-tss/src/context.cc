#include "context.h"

#include <algorithm>

#include "core/byte_reader.h"
#include "names.h"

namespace sealedge::tpm {
namespace {

Error lost_session(const char* command) {
  return {ErrorCode::kTpmSession,
          std::string(command) + ": the session is lost: flushed, out of step after a failure, or the TPM was reset",
          {{"command", command}, {"layer", "context"}}};
}

// Spelled as the TPM would for a handle that refers to nothing (TPM_RC_REFERENCE_H0 + index).
Error lost_object(const char* command, size_t index) {
  const TSS2_RC rc = TPM2_RC_REFERENCE_H0 + static_cast<TSS2_RC>(index);
  Error error = rc_error(rc, command);
  error.message = std::string(command) + ": the object is not loaded any more: flushed, or the TPM was reset";
  for (auto& [key, value] : error.fields) {
    if (key == "layer") value = "context";
  }
  return error;
}

}  // namespace

Context::Context(ContextOptions options)
    : exchange_options_{options.command_timeout_ms, options.retry_timeout_ms}, tcti_(std::move(options.tcti)) {}

Result<Reply> Context::execute(const CommandRequest& request) {
  Result<Reply> reply = run_command(request);
  if (!reply.ok()) settle();
  return reply;
}

Result<StartedSession> Context::start_session(const SessionRequest& request) {
  Result<StartedSession> started = run_start_session(request);
  if (!started.ok()) settle();
  return started;
}

Result<Reply> Context::run_command(const CommandRequest& request) {
  const Command* command = find_command(request.command);
  if (!command) return Error{ErrorCode::kInternal, "no command " + request.command};
  const bool is_startup = command->code == TPM2_CC_Startup;
  if (is_startup) {
    SEALEDGE_TRY(tcti_.connect());
  } else {
    SEALEDGE_TRY(ready());
  }

  ExchangeRequest exchange_request{command, {}, {}, &request.parameters, {}};
  SEALEDGE_TRY(check_handles(request, &exchange_request.handles));
  const bool has_session = request.encryption || std::ranges::any_of(request.authorizations, [](const auto& a) {
                             return a.session.has_value();
                           });
  if (has_session) {
    for (const Handle& handle : request.handles) {
      SEALEDGE_ASSIGN(exchange_request.names.emplace_back(), name_of(handle));
    }
  }
  SEALEDGE_ASSIGN(exchange_request.sessions, session_uses(request, exchange_request.names));

  Result<ExchangeOutcome> outcome = exchange(exchange_request);
  if (!outcome.ok()) {
    // Whoever asked for a flush has let go of the handle: it must not stay because the connection broke.
    if (command->code == TPM2_CC_FlushContext && outcome.error().code != ErrorCode::kTpmRc) {
      doomed_.insert(request.parameters.u32("flushHandle").value());
    }
    return std::move(outcome).error();
  }
  if (command->creates) SEALEDGE_TRY(keep_created(request, &*outcome));
  switch (command->code) {
    case TPM2_CC_FlushContext:
      objects_.erase(request.parameters.u32("flushHandle").value());
      break;
    case TPM2_CC_PolicyAuthValue:
      if (Result<Session*> s = session(request.handles[0].session.value_or(0), command->name); s.ok()) {
        (*s)->auth_value_needed = true;
      }
      break;
    case TPM2_CC_Startup:
    case TPM2_CC_Clear:  // flushes the objects of the owner and endorsement hierarchies
      resynchronize_ = true;
      break;
    default:
      break;
  }
  // Part 3, 12.7 and others: a policy session that authorized a command is as new afterwards.
  for (const SessionUse& use : exchange_request.sessions) {
    if (use.session && use.entity_name) use.session->auth_value_needed = false;
  }
  return std::move(outcome->reply);
}

Result<ExchangeOutcome> Context::exchange(const ExchangeRequest& request) {
  ExchangeFailure failure{{ErrorCode::kInternal, {}}, Progress::kNotSent};
  Result<ExchangeOutcome> outcome = Exchange(tcti_, exchange_options_).run(request, &failure);
  if (!outcome.ok()) note_failure(request, failure, outcome.error().code);
  return outcome;
}

Result<Reply> Context::plain(const char* command, std::vector<TPM2_HANDLE> handles, const Parameters& parameters) {
  const ExchangeRequest request{find_command(command), std::move(handles), {}, &parameters, {}};
  SEALEDGE_ASSIGN(ExchangeOutcome outcome, exchange(request));
  return std::move(outcome.reply);
}

// The Name that the caller gets and that later commands are bound to is computed here; what the TPM said must agree.
Result<void> Context::keep_created(const CommandRequest& request, ExchangeOutcome* outcome) {
  Result<Bytes> name = name_of_public(outcome->created_public);
  const Bytes* claimed = find_result<Bytes>(outcome->reply, "name");
  if (name.ok() && claimed && *claimed == *name) {
    objects_[outcome->created_handle] = std::move(*name);
    return {};
  }
  flush_handle(outcome->created_handle);
  return Error{ErrorCode::kTpmResponse,
               request.command + ": the Name that the TPM answered is not that of the public area",
               {{"command", request.command}, {"layer", "context"}}};
}

Result<Session*> Context::session(uint64_t id, const char* command) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end() || found->second.lost) return lost_session(command);
  return &found->second;
}

Result<void> Context::check_handles(const CommandRequest& request, std::vector<TPM2_HANDLE>* handles) {
  const Command* command = find_command(request.command);
  if (request.handles.size() != command->handles) {
    return Error{ErrorCode::kInternal, request.command + " takes " + std::to_string(command->handles) + " handles"};
  }
  for (size_t i = 0; i < request.handles.size(); i++) {
    const Handle& handle = request.handles[i];
    if (handle.session) {
      SEALEDGE_ASSIGN(const Session* found, session(*handle.session, command->name));
      handles->push_back(found->handle);
      continue;
    }
    // A named transient object was loaded by this context: its handle may belong to another object by now.
    if (is_transient(handle.handle) && !handle.name.empty()) {
      const auto found = objects_.find(handle.handle);
      if (found == objects_.end() || found->second != handle.name) return lost_object(command->name, i);
    }
    handles->push_back(handle.handle);
  }
  return {};
}

Result<std::vector<SessionUse>> Context::session_uses(const CommandRequest& request, const std::vector<Bytes>& names) {
  constexpr uint8_t kEncryptBoth = TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT;
  const char* command = find_command(request.command)->name;
  if (request.authorizations.size() + (request.encryption ? 1 : 0) > TSS2_SYS_MAX_SESSIONS) {
    return Error{ErrorCode::kOptionInvalid, request.command + ": at most three sessions"};
  }
  if (request.authorizations.size() > request.handles.size()) {
    return Error{ErrorCode::kOptionInvalid, request.command + ": more authorizations than handles"};
  }
  std::vector<SessionUse> uses;
  // The session meant for encryption encrypts; without one, the first authorizing session that can.
  bool encrypting = request.encryption.has_value();
  for (size_t i = 0; i < request.authorizations.size(); i++) {
    const Authorization& authorization = request.authorizations[i];
    SessionUse use{nullptr, nullptr, without_trailing_zeros(authorization.auth_value.span()),
                   TPMA_SESSION_CONTINUESESSION};
    if (authorization.session) {
      SEALEDGE_ASSIGN(use.session, session(*authorization.session, command));
      use.entity_name = &names[i];
      if (use.session->encrypts && !encrypting) {
        use.attributes |= kEncryptBoth;
        encrypting = true;
      }
    }
    uses.push_back(use);
  }
  if (request.encryption) {
    SEALEDGE_ASSIGN(Session * found, session(*request.encryption, command));
    if (!found->encrypts) {
      return Error{ErrorCode::kOptionInvalid, request.command + ": the encryption session has no parameter encryption"};
    }
    uses.push_back({found, nullptr, {}, TPMA_SESSION_CONTINUESESSION | kEncryptBoth});
  }
  for (size_t i = 0; i < uses.size(); i++) {
    for (size_t j = i + 1; j < uses.size(); j++) {
      if (uses[i].session && uses[i].session == uses[j].session) {
        return Error{ErrorCode::kOptionInvalid, request.command + ": one session may appear once"};
      }
    }
  }
  return uses;
}

Result<Bytes> Context::name_of(const Handle& handle) {
  if (handle.session) {
    SEALEDGE_ASSIGN(const Session* found, session(*handle.session, "session"));
    return name_of_handle(found->handle);
  }
  if (name_is_handle(handle.handle)) return name_of_handle(handle.handle);
  if (!handle.name.empty()) return handle.name;
  if (const auto found = objects_.find(handle.handle); found != objects_.end()) return found->second;
  Bytes storage;
  if (is_nv_index(handle.handle)) {
    SEALEDGE_ASSIGN(const Reply reply, plain("TPM2_NV_ReadPublic", {handle.handle}, {}));
    return name_of_nv_public(*find_result<Bytes>(reply, "nvPublic"));
  }
  SEALEDGE_ASSIGN(const ByteSpan area, read_public(handle.handle, &storage));
  return name_of_public(area);
}

Result<ByteSpan> Context::read_public(TPM2_HANDLE handle, Bytes* storage) {
  SEALEDGE_ASSIGN(const Reply reply, plain("TPM2_ReadPublic", {handle}, {}));
  *storage = *find_result<Bytes>(reply, "outPublic");
  return ByteSpan(*storage);
}

}  // namespace sealedge::tpm
