// Enhanced authorization (Part 3, 23).
#include "command.h"

namespace sealedge::tpm {
namespace {

Result<void> policy_pcr(Call& call) {
  SEALEDGE_ASSIGN(const auto digest, call.tpm2b<TPM2B_DIGEST>("pcrDigest"));
  SEALEDGE_ASSIGN(const auto pcrs, call.structure<TPML_PCR_SELECTION>("pcrs"));
  return call.check(Tss2_Sys_PolicyPCR_Prepare(call.sys, call.handles[0], &digest, &pcrs));
}
Result<Reply> policy_pcr_complete(Call& call) {
  SEALEDGE_TRY(call.check(Tss2_Sys_PolicyPCR_Complete(call.sys)));
  return Reply{};
}

Result<void> policy_secret(Call& call) {
  SEALEDGE_ASSIGN(const auto nonce, call.tpm2b<TPM2B_NONCE>("nonceTPM"));
  SEALEDGE_ASSIGN(const auto cp_hash, call.tpm2b<TPM2B_DIGEST>("cpHashA"));
  SEALEDGE_ASSIGN(const auto ref, call.tpm2b<TPM2B_NONCE>("policyRef"));
  SEALEDGE_ASSIGN(const uint32_t expiration, call.parameters->u32("expiration"));
  return call.check(Tss2_Sys_PolicySecret_Prepare(call.sys, call.handles[0], call.handles[1], &nonce, &cp_hash, &ref,
                                                  static_cast<INT32>(expiration)));
}
Result<Reply> policy_secret_complete(Call& call) {
  TPM2B_TIMEOUT timeout{};
  TPMT_TK_AUTH ticket{};
  SEALEDGE_TRY(call.check(Tss2_Sys_PolicySecret_Complete(call.sys, &timeout, &ticket)));
  SEALEDGE_ASSIGN(Bytes policy_ticket, marshal(ticket));
  return Reply{{"timeout", from_tpm2b(timeout)}, {"policyTicket", std::move(policy_ticket)}};
}

Result<void> policy_authorize(Call& call) {
  SEALEDGE_ASSIGN(const auto approved, call.tpm2b<TPM2B_DIGEST>("approvedPolicy"));
  SEALEDGE_ASSIGN(const auto ref, call.tpm2b<TPM2B_NONCE>("policyRef"));
  SEALEDGE_ASSIGN(const auto key, call.tpm2b<TPM2B_NAME>("keySign"));
  SEALEDGE_ASSIGN(const auto ticket, call.structure<TPMT_TK_VERIFIED>("checkTicket"));
  return call.check(Tss2_Sys_PolicyAuthorize_Prepare(call.sys, call.handles[0], &approved, &ref, &key, &ticket));
}
Result<Reply> policy_authorize_complete(Call& call) {
  SEALEDGE_TRY(call.check(Tss2_Sys_PolicyAuthorize_Complete(call.sys)));
  return Reply{};
}

Result<void> policy_nv(Call& call) {
  SEALEDGE_ASSIGN(const auto operand, call.tpm2b<TPM2B_OPERAND>("operandB"));
  SEALEDGE_ASSIGN(const uint16_t offset, call.parameters->u16("offset"));
  SEALEDGE_ASSIGN(const uint16_t operation, call.parameters->u16("operation"));
  return call.check(Tss2_Sys_PolicyNV_Prepare(call.sys, call.handles[0], call.handles[1], call.handles[2], &operand,
                                              offset, operation));
}
Result<Reply> policy_nv_complete(Call& call) {
  SEALEDGE_TRY(call.check(Tss2_Sys_PolicyNV_Complete(call.sys)));
  return Reply{};
}

Result<void> policy_counter_timer(Call& call) {
  SEALEDGE_ASSIGN(const auto operand, call.tpm2b<TPM2B_OPERAND>("operandB"));
  SEALEDGE_ASSIGN(const uint16_t offset, call.parameters->u16("offset"));
  SEALEDGE_ASSIGN(const uint16_t operation, call.parameters->u16("operation"));
  return call.check(Tss2_Sys_PolicyCounterTimer_Prepare(call.sys, call.handles[0], &operand, offset, operation));
}
Result<Reply> policy_counter_timer_complete(Call& call) {
  SEALEDGE_TRY(call.check(Tss2_Sys_PolicyCounterTimer_Complete(call.sys)));
  return Reply{};
}

Result<void> policy_command_code(Call& call) {
  SEALEDGE_ASSIGN(const uint32_t code, call.parameters->u32("code"));
  return call.check(Tss2_Sys_PolicyCommandCode_Prepare(call.sys, call.handles[0], code));
}
Result<Reply> policy_command_code_complete(Call& call) {
  SEALEDGE_TRY(call.check(Tss2_Sys_PolicyCommandCode_Complete(call.sys)));
  return Reply{};
}

Result<void> policy_or(Call& call) {
  SEALEDGE_ASSIGN(const auto* branches, call.parameters->list("pHashList"));
  TPML_DIGEST list{};
  if (branches->size() < 2 || branches->size() > std::size(list.digests)) {
    return Error{ErrorCode::kOptionInvalid,
                 "parameter pHashList must have 2 to 8 digests, got " + std::to_string(branches->size())};
  }
  for (const SecureBuffer& branch : *branches) {
    SEALEDGE_ASSIGN(list.digests[list.count], to_tpm2b<TPM2B_DIGEST>(branch.span(), "pHashList"));
    list.count++;
  }
  return call.check(Tss2_Sys_PolicyOR_Prepare(call.sys, call.handles[0], &list));
}
Result<Reply> policy_or_complete(Call& call) {
  SEALEDGE_TRY(call.check(Tss2_Sys_PolicyOR_Complete(call.sys)));
  return Reply{};
}

Result<void> policy_auth_value(Call& call) {
  return call.check(Tss2_Sys_PolicyAuthValue_Prepare(call.sys, call.handles[0]));
}
Result<Reply> policy_auth_value_complete(Call& call) {
  SEALEDGE_TRY(call.check(Tss2_Sys_PolicyAuthValue_Complete(call.sys)));
  return Reply{};
}

Result<void> policy_get_digest(Call& call) {
  return call.check(Tss2_Sys_PolicyGetDigest_Prepare(call.sys, call.handles[0]));
}
Result<Reply> policy_get_digest_complete(Call& call) {
  TPM2B_DIGEST digest{};
  SEALEDGE_TRY(call.check(Tss2_Sys_PolicyGetDigest_Complete(call.sys, &digest)));
  return Reply{{"policyDigest", from_tpm2b(digest)}};
}

constexpr Command kCommands[] = {
    {"TPM2_PolicyPCR", TPM2_CC_PolicyPCR, 1, false, false, policy_pcr, policy_pcr_complete},
    {"TPM2_PolicySecret", TPM2_CC_PolicySecret, 2, true, false, policy_secret, policy_secret_complete},
    {"TPM2_PolicyAuthorize", TPM2_CC_PolicyAuthorize, 1, false, false, policy_authorize, policy_authorize_complete},
    {"TPM2_PolicyNV", TPM2_CC_PolicyNV, 3, false, false, policy_nv, policy_nv_complete},
    {"TPM2_PolicyCounterTimer", TPM2_CC_PolicyCounterTimer, 1, false, false, policy_counter_timer,
     policy_counter_timer_complete},
    {"TPM2_PolicyCommandCode", TPM2_CC_PolicyCommandCode, 1, false, false, policy_command_code,
     policy_command_code_complete},
    {"TPM2_PolicyOR", TPM2_CC_PolicyOR, 1, false, false, policy_or, policy_or_complete},
    {"TPM2_PolicyAuthValue", TPM2_CC_PolicyAuthValue, 1, false, false, policy_auth_value, policy_auth_value_complete},
    {"TPM2_PolicyGetDigest", TPM2_CC_PolicyGetDigest, 1, true, false, policy_get_digest, policy_get_digest_complete},
};

}  // namespace

std::span<const Command> policy_commands() { return kCommands; }

}  // namespace sealedge::tpm
