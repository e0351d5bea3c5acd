// Start-up, self-test, random numbers, capabilities, clock, contexts and hierarchies (Part 3, 9, 10, 16, 24, 25, 28 to
// 30).
#include "command.h"

namespace sealedge::tpm {
namespace {

Result<Reply> startup_complete(Call& call) {
  SEALEDGE_TRY(call.check(Tss2_Sys_Startup_Complete(call.sys)));
  return Reply{};
}

Result<void> startup(Call& call) {
  SEALEDGE_ASSIGN(const uint16_t type, call.parameters->u16("startupType"));
  return call.check(Tss2_Sys_Startup_Prepare(call.sys, type));
}

Result<void> shutdown(Call& call) {
  SEALEDGE_ASSIGN(const uint16_t type, call.parameters->u16("shutdownType"));
  return call.check(Tss2_Sys_Shutdown_Prepare(call.sys, type));
}
Result<Reply> shutdown_complete(Call& call) {
  SEALEDGE_TRY(call.check(Tss2_Sys_Shutdown_Complete(call.sys)));
  return Reply{};
}

Result<void> self_test(Call& call) {
  return call.check(Tss2_Sys_SelfTest_Prepare(call.sys, call.parameters->flag("fullTest") ? TPM2_YES : TPM2_NO));
}
Result<Reply> self_test_complete(Call& call) {
  SEALEDGE_TRY(call.check(Tss2_Sys_SelfTest_Complete(call.sys)));
  return Reply{};
}

Result<void> get_test_result(Call& call) { return call.check(Tss2_Sys_GetTestResult_Prepare(call.sys)); }
Result<Reply> get_test_result_complete(Call& call) {
  TPM2B_MAX_BUFFER data{};
  TPM2_RC result = 0;
  SEALEDGE_TRY(call.check(Tss2_Sys_GetTestResult_Complete(call.sys, &data, &result)));
  return Reply{{"outData", from_tpm2b(data)}, {"testResult", result}};
}

Result<void> get_random(Call& call) {
  SEALEDGE_ASSIGN(const uint16_t count, call.parameters->u16("bytesRequested"));
  return call.check(Tss2_Sys_GetRandom_Prepare(call.sys, count));
}
Result<Reply> get_random_complete(Call& call) {
  TPM2B_DIGEST random{};
  SEALEDGE_TRY(call.check(Tss2_Sys_GetRandom_Complete(call.sys, &random)));
  return Reply{{"randomBytes", from_tpm2b(random)}};
}

Result<void> get_capability(Call& call) {
  SEALEDGE_ASSIGN(const uint32_t capability, call.parameters->u32("capability"));
  SEALEDGE_ASSIGN(const uint32_t property, call.parameters->u32("property"));
  SEALEDGE_ASSIGN(const uint32_t count, call.parameters->u32("propertyCount"));
  return call.check(Tss2_Sys_GetCapability_Prepare(call.sys, capability, property, count));
}
Result<Reply> get_capability_complete(Call& call) {
  TPMI_YES_NO more = 0;
  TPMS_CAPABILITY_DATA data{};
  SEALEDGE_TRY(call.check(Tss2_Sys_GetCapability_Complete(call.sys, &more, &data)));
  SEALEDGE_ASSIGN(Bytes bytes, marshal(data));
  return Reply{{"moreData", more == TPM2_YES}, {"capabilityData", std::move(bytes)}};
}

Result<void> read_clock(Call& call) { return call.check(Tss2_Sys_ReadClock_Prepare(call.sys)); }
Result<Reply> read_clock_complete(Call& call) {
  TPMS_TIME_INFO now{};
  SEALEDGE_TRY(call.check(Tss2_Sys_ReadClock_Complete(call.sys, &now)));
  return Reply{{"time", U64{now.time}},
               {"clock", U64{now.clockInfo.clock}},
               {"resetCount", now.clockInfo.resetCount},
               {"restartCount", now.clockInfo.restartCount},
               {"safe", now.clockInfo.safe == TPM2_YES}};
}

Result<void> flush_context(Call& call) {
  SEALEDGE_ASSIGN(const uint32_t handle, call.parameters->u32("flushHandle"));
  return call.check(Tss2_Sys_FlushContext_Prepare(call.sys, handle));
}
Result<Reply> flush_context_complete(Call& call) {
  SEALEDGE_TRY(call.check(Tss2_Sys_FlushContext_Complete(call.sys)));
  return Reply{};
}

Result<void> hierarchy_change_auth(Call& call) {
  SEALEDGE_ASSIGN(const auto auth, call.tpm2b<TPM2B_AUTH>("newAuth"));
  return call.check(Tss2_Sys_HierarchyChangeAuth_Prepare(call.sys, call.handles[0], &auth));
}
Result<Reply> hierarchy_change_auth_complete(Call& call) {
  SEALEDGE_TRY(call.check(Tss2_Sys_HierarchyChangeAuth_Complete(call.sys)));
  return Reply{};
}

Result<void> clear(Call& call) { return call.check(Tss2_Sys_Clear_Prepare(call.sys, call.handles[0])); }
Result<Reply> clear_complete(Call& call) {
  SEALEDGE_TRY(call.check(Tss2_Sys_Clear_Complete(call.sys)));
  return Reply{};
}

Result<void> lock_reset(Call& call) {
  return call.check(Tss2_Sys_DictionaryAttackLockReset_Prepare(call.sys, call.handles[0]));
}
Result<Reply> lock_reset_complete(Call& call) {
  SEALEDGE_TRY(call.check(Tss2_Sys_DictionaryAttackLockReset_Complete(call.sys)));
  return Reply{};
}

constexpr Command kCommands[] = {
    {"TPM2_Startup", TPM2_CC_Startup, 0, false, false, startup, startup_complete},
    {"TPM2_Shutdown", TPM2_CC_Shutdown, 0, false, false, shutdown, shutdown_complete},
    {"TPM2_SelfTest", TPM2_CC_SelfTest, 0, false, false, self_test, self_test_complete},
    {"TPM2_GetTestResult", TPM2_CC_GetTestResult, 0, true, false, get_test_result, get_test_result_complete},
    {"TPM2_GetRandom", TPM2_CC_GetRandom, 0, true, false, get_random, get_random_complete},
    {"TPM2_GetCapability", TPM2_CC_GetCapability, 0, false, false, get_capability, get_capability_complete},
    {"TPM2_ReadClock", TPM2_CC_ReadClock, 0, false, false, read_clock, read_clock_complete},
    {"TPM2_FlushContext", TPM2_CC_FlushContext, 0, false, false, flush_context, flush_context_complete},
    {"TPM2_HierarchyChangeAuth", TPM2_CC_HierarchyChangeAuth, 1, false, false, hierarchy_change_auth,
     hierarchy_change_auth_complete},
    {"TPM2_Clear", TPM2_CC_Clear, 1, false, false, clear, clear_complete},
    {"TPM2_DictionaryAttackLockReset", TPM2_CC_DictionaryAttackLockReset, 1, false, false, lock_reset,
     lock_reset_complete},
};

}  // namespace

std::span<const Command> general_commands() { return kCommands; }

}  // namespace sealedge::tpm
