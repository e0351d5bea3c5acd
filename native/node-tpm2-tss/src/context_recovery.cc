// The way back after something failed: what may have been left in the TPM is flushed, what a reset took is forgotten.
#include <algorithm>

#include "context.h"
#include "core/byte_reader.h"

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

}  // namespace

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

// Puts right at once what a failure left behind, where that is possible.
void Context::settle() {
  if (orphans_ || !doomed_.empty()) static_cast<void>(ready().ok());
}

// Connects again, and puts right what a failure left behind.
Result<void> Context::ready() {
  if (!tcti_.connected()) resynchronize_ = true;
  SEALEDGE_TRY(tcti_.connect());
  if (!resynchronize_ && !orphans_ && doomed_.empty()) return {};
  return resynchronize();
}

Result<void> Context::resynchronize() {
  SEALEDGE_ASSIGN(const ClockState now, read_clock());
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

Result<Context::ClockState> Context::read_clock() {
  SEALEDGE_ASSIGN(const Reply reply, plain("TPM2_ReadClock", {}, {}));
  return ClockState{find_result<U64>(reply, "time")->value, *find_result<uint32_t>(reply, "resetCount"),
                    *find_result<uint32_t>(reply, "restartCount")};
}

Result<Context::HandleLists> Context::list_handles() {
  HandleLists lists;
  if (!clock_) {
    SEALEDGE_ASSIGN(clock_, read_clock());
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
    const Bytes* data = find_result<Bytes>(reply, "capabilityData");
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

void Context::flush_handle(TPM2_HANDLE handle) {
  doomed_.insert(handle);
  if (!tcti_.connected()) return;
  Parameters parameters;
  parameters.add("flushHandle", handle);
  if (is_flushed(plain("TPM2_FlushContext", {}, parameters))) doomed_.erase(handle);
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
