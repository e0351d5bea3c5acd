// Non-volatile storage (Part 3, 31).
#include "command.h"

namespace sealedge::tpm {
namespace {

Result<void> define_space(Call& call) {
  SEALEDGE_ASSIGN(const auto auth, call.tpm2b<TPM2B_AUTH>("auth"));
  TPM2B_NV_PUBLIC info{};
  SEALEDGE_ASSIGN(info.nvPublic, call.structure<TPMS_NV_PUBLIC>("publicInfo"));
  return call.check(Tss2_Sys_NV_DefineSpace_Prepare(call.sys, call.handles[0], &auth, &info));
}
Result<Reply> define_space_complete(Call& call) {
  SEALEDGE_TRY(call.check(Tss2_Sys_NV_DefineSpace_Complete(call.sys)));
  return Reply{};
}

Result<void> undefine_space(Call& call) {
  return call.check(Tss2_Sys_NV_UndefineSpace_Prepare(call.sys, call.handles[0], call.handles[1]));
}
Result<Reply> undefine_space_complete(Call& call) {
  SEALEDGE_TRY(call.check(Tss2_Sys_NV_UndefineSpace_Complete(call.sys)));
  return Reply{};
}

Result<void> read_public(Call& call) { return call.check(Tss2_Sys_NV_ReadPublic_Prepare(call.sys, call.handles[0])); }
Result<Reply> read_public_complete(Call& call) {
  TPM2B_NV_PUBLIC info{};
  TPM2B_NAME name{};
  SEALEDGE_TRY(call.check(Tss2_Sys_NV_ReadPublic_Complete(call.sys, &info, &name)));
  SEALEDGE_ASSIGN(Bytes bytes, marshal(info.nvPublic));
  return Reply{{"nvPublic", std::move(bytes)}, {"nvName", from_tpm2b(name)}};
}

Result<void> read(Call& call) {
  SEALEDGE_ASSIGN(const uint16_t size, call.parameters->u16("size"));
  SEALEDGE_ASSIGN(const uint16_t offset, call.parameters->u16("offset"));
  return call.check(Tss2_Sys_NV_Read_Prepare(call.sys, call.handles[0], call.handles[1], size, offset));
}
Result<Reply> read_complete(Call& call) {
  TPM2B_MAX_NV_BUFFER data{};
  SEALEDGE_TRY(call.check(Tss2_Sys_NV_Read_Complete(call.sys, &data)));
  return Reply{{"data", from_tpm2b(data)}};
}

Result<void> write(Call& call) {
  SEALEDGE_ASSIGN(const auto data, call.tpm2b<TPM2B_MAX_NV_BUFFER>("data"));
  SEALEDGE_ASSIGN(const uint16_t offset, call.parameters->u16("offset"));
  return call.check(Tss2_Sys_NV_Write_Prepare(call.sys, call.handles[0], call.handles[1], &data, offset));
}
Result<Reply> write_complete(Call& call) {
  SEALEDGE_TRY(call.check(Tss2_Sys_NV_Write_Complete(call.sys)));
  return Reply{};
}

Result<void> increment(Call& call) {
  return call.check(Tss2_Sys_NV_Increment_Prepare(call.sys, call.handles[0], call.handles[1]));
}
Result<Reply> increment_complete(Call& call) {
  SEALEDGE_TRY(call.check(Tss2_Sys_NV_Increment_Complete(call.sys)));
  return Reply{};
}

Result<void> read_lock(Call& call) {
  return call.check(Tss2_Sys_NV_ReadLock_Prepare(call.sys, call.handles[0], call.handles[1]));
}
Result<Reply> read_lock_complete(Call& call) {
  SEALEDGE_TRY(call.check(Tss2_Sys_NV_ReadLock_Complete(call.sys)));
  return Reply{};
}

Result<void> certify(Call& call) {
  SEALEDGE_ASSIGN(const auto qualifying, call.tpm2b<TPM2B_DATA>("qualifyingData"));
  SEALEDGE_ASSIGN(const auto scheme, call.structure<TPMT_SIG_SCHEME>("inScheme"));
  SEALEDGE_ASSIGN(const uint16_t size, call.parameters->u16("size"));
  SEALEDGE_ASSIGN(const uint16_t offset, call.parameters->u16("offset"));
  return call.check(Tss2_Sys_NV_Certify_Prepare(call.sys, call.handles[0], call.handles[1], call.handles[2],
                                                &qualifying, &scheme, size, offset));
}
Result<Reply> certify_complete(Call& call) {
  TPM2B_ATTEST info{};
  TPMT_SIGNATURE signature{};
  SEALEDGE_TRY(call.check(Tss2_Sys_NV_Certify_Complete(call.sys, &info, &signature)));
  SEALEDGE_ASSIGN(Bytes signed_by, marshal(signature));
  return Reply{{"certifyInfo", from_tpm2b(info)}, {"signature", std::move(signed_by)}};
}

constexpr Command kCommands[] = {
    {"TPM2_NV_DefineSpace", TPM2_CC_NV_DefineSpace, 1, false, false, define_space, define_space_complete},
    {"TPM2_NV_UndefineSpace", TPM2_CC_NV_UndefineSpace, 2, false, false, undefine_space, undefine_space_complete},
    {"TPM2_NV_ReadPublic", TPM2_CC_NV_ReadPublic, 1, true, false, read_public, read_public_complete},
    {"TPM2_NV_Read", TPM2_CC_NV_Read, 2, true, false, read, read_complete},
    {"TPM2_NV_Write", TPM2_CC_NV_Write, 2, false, false, write, write_complete},
    {"TPM2_NV_Increment", TPM2_CC_NV_Increment, 2, false, false, increment, increment_complete},
    {"TPM2_NV_ReadLock", TPM2_CC_NV_ReadLock, 2, false, false, read_lock, read_lock_complete},
    {"TPM2_NV_Certify", TPM2_CC_NV_Certify, 3, true, false, certify, certify_complete},
};

}  // namespace

std::span<const Command> nv_commands() { return kCommands; }

}  // namespace sealedge::tpm
