// Credentials, signatures and attestation (Part 3, 12.5, 18, 20).
#include "command.h"

namespace sealedge::tpm {
namespace {

Result<void> activate_credential(Call& call) {
  SEALEDGE_ASSIGN(const auto blob, call.tpm2b<TPM2B_ID_OBJECT>("credentialBlob"));
  SEALEDGE_ASSIGN(const auto secret, call.tpm2b<TPM2B_ENCRYPTED_SECRET>("secret"));
  return call.check(Tss2_Sys_ActivateCredential_Prepare(call.sys, call.handles[0], call.handles[1], &blob, &secret));
}
Result<Reply> activate_credential_complete(Call& call) {
  TPM2B_DIGEST info{};
  SEALEDGE_TRY(call.check(Tss2_Sys_ActivateCredential_Complete(call.sys, &info)));
  return Reply{{"certInfo", from_tpm2b(info)}};
}

Result<void> certify(Call& call) {
  SEALEDGE_ASSIGN(const auto qualifying, call.tpm2b<TPM2B_DATA>("qualifyingData"));
  SEALEDGE_ASSIGN(const auto scheme, call.structure<TPMT_SIG_SCHEME>("inScheme"));
  return call.check(Tss2_Sys_Certify_Prepare(call.sys, call.handles[0], call.handles[1], &qualifying, &scheme));
}
Result<Reply> certify_complete(Call& call) {
  TPM2B_ATTEST info{};
  TPMT_SIGNATURE signature{};
  SEALEDGE_TRY(call.check(Tss2_Sys_Certify_Complete(call.sys, &info, &signature)));
  SEALEDGE_ASSIGN(Bytes signed_by, marshal(signature));
  return Reply{{"certifyInfo", from_tpm2b(info)}, {"signature", std::move(signed_by)}};
}

Result<void> quote(Call& call) {
  SEALEDGE_ASSIGN(const auto qualifying, call.tpm2b<TPM2B_DATA>("qualifyingData"));
  SEALEDGE_ASSIGN(const auto scheme, call.structure<TPMT_SIG_SCHEME>("inScheme"));
  SEALEDGE_ASSIGN(const auto pcrs, call.structure<TPML_PCR_SELECTION>("pcrSelect"));
  return call.check(Tss2_Sys_Quote_Prepare(call.sys, call.handles[0], &qualifying, &scheme, &pcrs));
}
Result<Reply> quote_complete(Call& call) {
  TPM2B_ATTEST info{};
  TPMT_SIGNATURE signature{};
  SEALEDGE_TRY(call.check(Tss2_Sys_Quote_Complete(call.sys, &info, &signature)));
  SEALEDGE_ASSIGN(Bytes signed_by, marshal(signature));
  return Reply{{"quoted", from_tpm2b(info)}, {"signature", std::move(signed_by)}};
}

Result<void> verify_signature(Call& call) {
  SEALEDGE_ASSIGN(const auto digest, call.tpm2b<TPM2B_DIGEST>("digest"));
  SEALEDGE_ASSIGN(const auto signature, call.structure<TPMT_SIGNATURE>("signature"));
  return call.check(Tss2_Sys_VerifySignature_Prepare(call.sys, call.handles[0], &digest, &signature));
}
Result<Reply> verify_signature_complete(Call& call) {
  TPMT_TK_VERIFIED ticket{};
  SEALEDGE_TRY(call.check(Tss2_Sys_VerifySignature_Complete(call.sys, &ticket)));
  SEALEDGE_ASSIGN(Bytes validation, marshal(ticket));
  return Reply{{"validation", std::move(validation)}};
}

constexpr Command kCommands[] = {
    {"TPM2_ActivateCredential", TPM2_CC_ActivateCredential, 2, true, false, activate_credential,
     activate_credential_complete},
    {"TPM2_Certify", TPM2_CC_Certify, 2, true, false, certify, certify_complete},
    {"TPM2_Quote", TPM2_CC_Quote, 1, true, false, quote, quote_complete},
    {"TPM2_VerifySignature", TPM2_CC_VerifySignature, 1, false, false, verify_signature, verify_signature_complete},
};

}  // namespace

std::span<const Command> attestation_commands() { return kCommands; }

}  // namespace sealedge::tpm
