// Platform configuration registers (Part 3, 22).
#include "command.h"

namespace sealedge::tpm {
namespace {

Result<void> pcr_read(Call& call) {
  SEALEDGE_ASSIGN(const auto selection, call.structure<TPML_PCR_SELECTION>("pcrSelectionIn"));
  return call.check(Tss2_Sys_PCR_Read_Prepare(call.sys, &selection));
}
Result<Reply> pcr_read_complete(Call& call) {
  UINT32 counter = 0;
  TPML_PCR_SELECTION selection{};
  TPML_DIGEST values{};
  SEALEDGE_TRY(call.check(Tss2_Sys_PCR_Read_Complete(call.sys, &counter, &selection, &values)));
  SEALEDGE_ASSIGN(Bytes selected, marshal(selection));
  std::vector<Bytes> digests;
  digests.reserve(values.count);
  for (UINT32 i = 0; i < values.count; i++) digests.push_back(from_tpm2b(values.digests[i]));
  return Reply{
      {"pcrUpdateCounter", counter}, {"pcrSelectionOut", std::move(selected)}, {"pcrValues", std::move(digests)}};
}

Result<void> pcr_extend(Call& call) {
  SEALEDGE_ASSIGN(const auto digests, call.structure<TPML_DIGEST_VALUES>("digests"));
  return call.check(Tss2_Sys_PCR_Extend_Prepare(call.sys, call.handles[0], &digests));
}
Result<Reply> pcr_extend_complete(Call& call) {
  SEALEDGE_TRY(call.check(Tss2_Sys_PCR_Extend_Complete(call.sys)));
  return Reply{};
}

constexpr Command kCommands[] = {
    {"TPM2_PCR_Read", TPM2_CC_PCR_Read, 0, false, false, pcr_read, pcr_read_complete},
    {"TPM2_PCR_Extend", TPM2_CC_PCR_Extend, 1, false, false, pcr_extend, pcr_extend_complete},
};

}  // namespace

std::span<const Command> pcr_commands() { return kCommands; }

}  // namespace sealedge::tpm
