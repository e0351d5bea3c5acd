#include "context.h"

#include <algorithm>

#include "core/byte_reader.h"
#include "names.h"

namespace sealedge::tpm {
namespace {

constexpr TPM2_HANDLE kSessionIndexMask = 0x00FFFFFF;

TSS2_RC failed_code(const Error& error) {
  for (const auto& [key, value] : error.fields) {
    if (key == "rc") return static_cast<TSS2_RC>(std::stoul(value));
  }
  return TSS2_RC_SUCCESS;
}

// FlushContext was answered so that there is nothing left to flush.
bool is_flushed(const Result<Reply>& answer) {
  if (answer.ok()) return true;
  const TSS2_RC code = base_rc(failed_code(answer.error()));
  return answer.error().code == ErrorCode::kTpmRc && (code == TPM2_RC_HANDLE || code == TPM2_RC_REFERENCE_H0);
}

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

const Bytes* reply_bytes(const Reply& reply, const char* name) {
  for (const auto& [key, value] : reply) {
    if (std::string_view(key) == name) return std::get_if<Bytes>(&value);
  }
  return nullptr;
}

template <typename T>
T reply_value(const Reply& reply, const char* name, T fallback) {
  for (const auto& [key, value] : reply) {
    if (std::string_view(key) != name) continue;
    if (const T* found = std::get_if<T>(&value)) return *found;
  }
  return fallback;
}

}  // namespace

Context::Context(ContextOptions options)
    : exchange_options_{options.command_timeout_ms, options.retry_timeout_ms}, tcti_(std::move(options.tcti)) {}

Result<void> Context::open() {
  SEALEDGE_TRY(tcti_.connect());
  Result<HandleLists> lists = list_handles();
  if (lists.ok()) {
    foreign_ = std::move(*lists);
    return {};
  }
  // A simulator that waits for TPM2_Startup is a TPM: it has no handles yet.
  if (base_rc(failed_code(lists.error())) == TPM2_RC_INITIALIZE) return {};
  return std::move(lists).error();
}

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

// Puts right at once what a failure left behind, where that is possible.
void Context::settle() {
  if (orphans_ || !doomed_.empty()) static_cast<void>(ready().ok());
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

// Connects again, and puts right what a failure left behind.
Result<void> Context::ready() {
  if (!tcti_.connected()) resynchronize_ = true;
  SEALEDGE_TRY(tcti_.connect());
  if (!resynchronize_ && !orphans_ && doomed_.empty()) return {};
  return resynchronize();
}

Result<void> Context::resynchronize() {
  SEALEDGE_ASSIGN(const Reply clock_reply, plain("TPM2_ReadClock", {}, {}));
  const ClockState now{reply_value<U64>(clock_reply, "time", {0}).value,
                       reply_value<uint32_t>(clock_reply, "resetCount", 0),
                       reply_value<uint32_t>(clock_reply, "restartCount", 0)};
  SEALEDGE_ASSIGN(HandleLists present, list_handles());
  const bool reset = clock_ && (now.reset_count != clock_->reset_count || now.restart_count != clock_->restart_count ||
                                now.time < clock_->time);
  if (reset) {
    // Nothing of ours survives: transient objects and loaded sessions are gone, so what is there now is someone else's.
    objects_.clear();
    doomed_.clear();
    for (auto& [id, session] : sessions_) session.lost = true;
    foreign_ = present;
  } else {
    std::erase_if(objects_, [&](const auto& entry) { return !present.transient.contains(entry.first); });
    for (auto& [id, session] : sessions_) {
      if (!present.sessions.contains(session.handle & kSessionIndexMask)) session.lost = true;
    }
    std::set<TPM2_HANDLE> flush = doomed_;
    if (orphans_) {
      for (const TPM2_HANDLE handle : present.transient) {
        if (!objects_.contains(handle) && !foreign_.transient.contains(handle)) flush.insert(handle);
      }
      for (const TPM2_HANDLE index : present.sessions) {
        const bool ours = std::ranges::any_of(
            sessions_, [&](const auto& entry) { return (entry.second.handle & kSessionIndexMask) == index; });
        if (ours || foreign_.sessions.contains(index)) continue;
        // Which of the two types it is the list does not say; the other one is refused.
        flush.insert(TPM2_HMAC_SESSION_FIRST + index);
        flush.insert(TPM2_POLICY_SESSION_FIRST + index);
      }
    }
    for (const TPM2_HANDLE handle : flush) {
      Parameters parameters;
      parameters.add("flushHandle", handle);
      Result<Reply> flushed = plain("TPM2_FlushContext", {}, parameters);
      if (is_flushed(flushed)) {
        doomed_.erase(handle);
      } else {
        // For the next attempt; what the TPM refuses to flush must not stand in the way of other commands.
        doomed_.insert(handle);
        if (flushed.error().code != ErrorCode::kTpmRc) return std::move(flushed).error();
      }
    }
  }
  clock_ = now;
  resynchronize_ = false;
  orphans_ = false;
  return {};
}

Result<Context::HandleLists> Context::list_handles() {
  HandleLists lists;
  if (!clock_) {
    SEALEDGE_ASSIGN(const Reply reply, plain("TPM2_ReadClock", {}, {}));
    clock_ = ClockState{reply_value<U64>(reply, "time", {0}).value, reply_value<uint32_t>(reply, "resetCount", 0),
                        reply_value<uint32_t>(reply, "restartCount", 0)};
  }
  const std::pair<TPM2_HANDLE, std::set<TPM2_HANDLE>*> kinds[] = {{TPM2_TRANSIENT_FIRST, &lists.transient},
                                                                  {TPM2_LOADED_SESSION_FIRST, &lists.sessions}};
  for (const auto& [first, set] : kinds) {
    Parameters parameters;
    parameters.add("capability", uint32_t{TPM2_CAP_HANDLES});
    parameters.add("property", uint32_t{first});
    // More than any TPM has; it answers with what it has.
    parameters.add("propertyCount", uint32_t{TPM2_MAX_CAP_HANDLES});
    SEALEDGE_ASSIGN(const Reply reply, plain("TPM2_GetCapability", {}, parameters));
    const Bytes* data = reply_bytes(reply, "capabilityData");
    ByteReader reader(*data);
    uint32_t handle = 0;
    // TPMS_CAPABILITY_DATA: capability, count, handles.
    if (!reader.skip(2 * sizeof(uint32_t))) continue;
    while (reader.read_u32be(&handle)) {
      set->insert(first == TPM2_LOADED_SESSION_FIRST ? handle & kSessionIndexMask : handle);
    }
  }
  return lists;
}

Result<ExchangeOutcome> Context::exchange(const ExchangeRequest& request) {
  ExchangeFailure failure{{ErrorCode::kInternal, {}}, Progress::kNotSent};
  Result<ExchangeOutcome> outcome = Exchange(tcti_, exchange_options_).run(request, &failure);
  if (!outcome.ok()) note_failure(request, failure, outcome.error().code);
  return outcome;
}

void Context::note_failure(const ExchangeRequest& request, const ExchangeFailure& failure, ErrorCode code) {
  if (failure.progress == Progress::kNotSent) return;
  if (failure.progress == Progress::kRefused) {
    const TSS2_RC base = base_rc(failure.rc);
    // Refers to something that is not there, or needs TPM2_Startup: the TPM was reset behind our back.
    const bool reference = base >= TPM2_RC_REFERENCE_H0 && base <= TPM2_RC_REFERENCE_S6;
    if (base == TPM2_RC_INITIALIZE || reference) resynchronize_ = true;
    return;
  }
  // The TPM may have executed the command: the nonces of its sessions are in doubt, and so is what it created.
  if (request.command->creates) orphans_ = true;
  for (const SessionUse& use : request.sessions) {
    if (!use.session || use.session->lost) continue;
    use.session->lost = true;
    doomed_.insert(use.session->handle);
  }
  if (code == ErrorCode::kTpmUnavailable) {
    tcti_.disconnect();
    resynchronize_ = true;
  }
}

Result<Reply> Context::plain(const char* command, std::vector<TPM2_HANDLE> handles, const Parameters& parameters) {
  const ExchangeRequest request{find_command(command), std::move(handles), {}, &parameters, {}};
  SEALEDGE_ASSIGN(ExchangeOutcome outcome, exchange(request));
  return std::move(outcome.reply);
}

void Context::flush_handle(TPM2_HANDLE handle) {
  doomed_.insert(handle);
  if (!tcti_.connected()) return;
  Parameters parameters;
  parameters.add("flushHandle", handle);
  if (is_flushed(plain("TPM2_FlushContext", {}, parameters))) doomed_.erase(handle);
}

// The Name that the caller gets and that later commands are bound to is computed here; what the TPM said must agree.
Result<void> Context::keep_created(const CommandRequest& request, ExchangeOutcome* outcome) {
  Result<Bytes> name = name_of_public(outcome->created_public);
  const Bytes* claimed = reply_bytes(outcome->reply, "name");
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
    return name_of_nv_public(*reply_bytes(reply, "nvPublic"));
  }
  SEALEDGE_ASSIGN(const ByteSpan area, read_public(handle.handle, &storage));
  return name_of_public(area);
}

Result<ByteSpan> Context::read_public(TPM2_HANDLE handle, Bytes* storage) {
  SEALEDGE_ASSIGN(const Reply reply, plain("TPM2_ReadPublic", {handle}, {}));
  *storage = *reply_bytes(reply, "outPublic");
  return ByteSpan(*storage);
}

void Context::flush_session(uint64_t id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  const TPM2_HANDLE handle = found->second.handle;
  // What was lost is already flushed, doomed, or gone with a reset: its handle may be another session's by now.
  const bool lost = found->second.lost;
  sessions_.erase(found);
  if (!lost) flush_handle(handle);
  settle();
}

// Quiet when the object is gone already.
void Context::flush_object(const Handle& object) {
  const auto found = objects_.find(object.handle);
  if (found == objects_.end() || found->second != object.name) return;
  objects_.erase(found);
  flush_handle(object.handle);
  settle();
}

void Context::close() {
  for (const auto& [handle, name] : objects_) doomed_.insert(handle);
  for (const auto& [id, session] : sessions_) doomed_.insert(session.handle);
  objects_.clear();
  sessions_.clear();
  // Without a connection what is left is either gone with it (resource manager) or out of reach.
  settle();
  tcti_.disconnect();
}

}  // namespace sealedge::tpm
