// Objects: create, load, import, unseal, make persistent (Part 3, 12, 13, 24, 28).
#include "command.h"

#include <algorithm>

namespace sealedge::tpm {
namespace {

struct Creation {
  TPM2B_SENSITIVE_CREATE sensitive{};
  TPM2B_PUBLIC public_area{};
  TPM2B_DATA outside_info{};
  TPML_PCR_SELECTION pcrs{};
};

Result<Creation> creation_parameters(const Call& call) {
  Creation creation;
  SEALEDGE_ASSIGN(creation.sensitive.sensitive.userAuth, call.tpm2b<TPM2B_AUTH>("userAuth"));
  SEALEDGE_ASSIGN(creation.sensitive.sensitive.data, call.tpm2b<TPM2B_SENSITIVE_DATA>("data"));
  SEALEDGE_ASSIGN(creation.public_area.publicArea, call.structure<TPMT_PUBLIC>("inPublic"));
  SEALEDGE_ASSIGN(creation.outside_info, call.tpm2b<TPM2B_DATA>("outsideInfo"));
  SEALEDGE_ASSIGN(creation.pcrs, call.structure<TPML_PCR_SELECTION>("creationPCR"));
  return creation;
}

Result<void> create_primary(Call& call) {
  SEALEDGE_ASSIGN(const Creation c, creation_parameters(call));
  return call.check(Tss2_Sys_CreatePrimary_Prepare(call.sys, call.handles[0], &c.sensitive, &c.public_area,
                                                   &c.outside_info, &c.pcrs));
}
Result<Reply> create_primary_complete(Call& call) {
  TPM2B_PUBLIC out{};
  TPM2B_CREATION_DATA data{};
  TPM2B_DIGEST hash{};
  TPMT_TK_CREATION ticket{};
  TPM2B_NAME name{};
  SEALEDGE_TRY(
      call.check(Tss2_Sys_CreatePrimary_Complete(call.sys, &call.created_handle, &out, &data, &hash, &ticket, &name)));
  SEALEDGE_ASSIGN(call.created_public, marshal(out.publicArea));
  SEALEDGE_ASSIGN(Bytes creation_data, marshal(data.creationData));
  SEALEDGE_ASSIGN(Bytes creation_ticket, marshal(ticket));
  return Reply{{"handle", call.created_handle},    {"publicArea", call.created_public},
               {"name", from_tpm2b(name)},         {"creationData", std::move(creation_data)},
               {"creationHash", from_tpm2b(hash)}, {"creationTicket", std::move(creation_ticket)}};
}

Result<void> create(Call& call) {
  SEALEDGE_ASSIGN(const Creation c, creation_parameters(call));
  return call.check(
      Tss2_Sys_Create_Prepare(call.sys, call.handles[0], &c.sensitive, &c.public_area, &c.outside_info, &c.pcrs));
}
Result<Reply> create_complete(Call& call) {
  TPM2B_PRIVATE priv{};
  TPM2B_PUBLIC out{};
  TPM2B_CREATION_DATA data{};
  TPM2B_DIGEST hash{};
  TPMT_TK_CREATION ticket{};
  SEALEDGE_TRY(call.check(Tss2_Sys_Create_Complete(call.sys, &priv, &out, &data, &hash, &ticket)));
  SEALEDGE_ASSIGN(Bytes public_area, marshal(out.publicArea));
  SEALEDGE_ASSIGN(Bytes creation_data, marshal(data.creationData));
  SEALEDGE_ASSIGN(Bytes creation_ticket, marshal(ticket));
  return Reply{{"outPrivate", from_tpm2b(priv)},
               {"outPublic", std::move(public_area)},
               {"creationData", std::move(creation_data)},
               {"creationHash", from_tpm2b(hash)},
               {"creationTicket", std::move(creation_ticket)}};
}

Result<void> load(Call& call) {
  SEALEDGE_ASSIGN(const auto priv, call.tpm2b<TPM2B_PRIVATE>("inPrivate"));
  TPM2B_PUBLIC pub{};
  SEALEDGE_ASSIGN(pub.publicArea, call.structure<TPMT_PUBLIC>("inPublic"));
  return call.check(Tss2_Sys_Load_Prepare(call.sys, call.handles[0], &priv, &pub));
}
Result<Reply> loaded(Call& call, const TPM2B_NAME& name) {
  SEALEDGE_ASSIGN(const ByteSpan pub, call.parameters->bytes("inPublic"));
  call.created_public.assign(pub.begin(), pub.end());
  return Reply{{"handle", call.created_handle}, {"name", from_tpm2b(name)}};
}
Result<Reply> load_complete(Call& call) {
  TPM2B_NAME name{};
  SEALEDGE_TRY(call.check(Tss2_Sys_Load_Complete(call.sys, &call.created_handle, &name)));
  return loaded(call, name);
}

Result<void> load_external(Call& call) {
  TPM2B_PUBLIC pub{};
  SEALEDGE_ASSIGN(pub.publicArea, call.structure<TPMT_PUBLIC>("inPublic"));
  SEALEDGE_ASSIGN(const uint32_t hierarchy, call.parameters->u32("hierarchy"));
  return call.check(Tss2_Sys_LoadExternal_Prepare(call.sys, nullptr, &pub, hierarchy));
}
Result<Reply> load_external_complete(Call& call) {
  TPM2B_NAME name{};
  SEALEDGE_TRY(call.check(Tss2_Sys_LoadExternal_Complete(call.sys, &call.created_handle, &name)));
  return loaded(call, name);
}

Result<void> read_public(Call& call) { return call.check(Tss2_Sys_ReadPublic_Prepare(call.sys, call.handles[0])); }
Result<Reply> read_public_complete(Call& call) {
  TPM2B_PUBLIC out{};
  TPM2B_NAME name{};
  TPM2B_NAME qualified{};
  SEALEDGE_TRY(call.check(Tss2_Sys_ReadPublic_Complete(call.sys, &out, &name, &qualified)));
  SEALEDGE_ASSIGN(Bytes public_area, marshal(out.publicArea));
  return Reply{
      {"outPublic", std::move(public_area)}, {"name", from_tpm2b(name)}, {"qualifiedName", from_tpm2b(qualified)}};
}

Result<void> import(Call& call) {
  TPM2B_PUBLIC pub{};
  SEALEDGE_ASSIGN(pub.publicArea, call.structure<TPMT_PUBLIC>("objectPublic"));
  SEALEDGE_ASSIGN(const auto duplicate, call.tpm2b<TPM2B_PRIVATE>("duplicate"));
  SEALEDGE_ASSIGN(const auto seed, call.tpm2b<TPM2B_ENCRYPTED_SECRET>("inSymSeed"));
  const TPM2B_DATA no_key{};
  TPMT_SYM_DEF_OBJECT no_inner_wrapper{};
  no_inner_wrapper.algorithm = TPM2_ALG_NULL;
  return call.check(
      Tss2_Sys_Import_Prepare(call.sys, call.handles[0], &no_key, &pub, &duplicate, &seed, &no_inner_wrapper));
}
Result<Reply> import_complete(Call& call) {
  TPM2B_PRIVATE priv{};
  SEALEDGE_TRY(call.check(Tss2_Sys_Import_Complete(call.sys, &priv)));
  return Reply{{"outPrivate", from_tpm2b(priv)}};
}

Result<void> unseal(Call& call) { return call.check(Tss2_Sys_Unseal_Prepare(call.sys, call.handles[0])); }
Result<Reply> unseal_complete(Call& call) {
  TPM2B_SENSITIVE_DATA data{};
  SEALEDGE_TRY(call.check(Tss2_Sys_Unseal_Complete(call.sys, &data)));
  if (call.parameters->flag("exposeSecret")) return Reply{{"outData", from_tpm2b(data)}};
  SecureBuffer secret;
  if (data.size > 0) {
    SEALEDGE_ASSIGN(secret, SecureBuffer::allocate(data.size, "unsealed secret"));
    std::ranges::copy(view_tpm2b(data), secret.data());
  }
  return Reply{{"outData", Secret{std::make_shared<SecureBuffer>(std::move(secret))}}};
}

Result<void> evict_control(Call& call) {
  SEALEDGE_ASSIGN(const uint32_t persistent, call.parameters->u32("persistentHandle"));
  return call.check(Tss2_Sys_EvictControl_Prepare(call.sys, call.handles[0], call.handles[1], persistent));
}
Result<Reply> evict_control_complete(Call& call) {
  SEALEDGE_TRY(call.check(Tss2_Sys_EvictControl_Complete(call.sys)));
  return Reply{};
}

constexpr Command kCommands[] = {
    {"TPM2_CreatePrimary", TPM2_CC_CreatePrimary, 1, true, true, create_primary, create_primary_complete},
    {"TPM2_Create", TPM2_CC_Create, 1, true, false, create, create_complete},
    {"TPM2_Load", TPM2_CC_Load, 1, true, true, load, load_complete},
    {"TPM2_LoadExternal", TPM2_CC_LoadExternal, 0, true, true, load_external, load_external_complete},
    {"TPM2_ReadPublic", TPM2_CC_ReadPublic, 1, true, false, read_public, read_public_complete},
    {"TPM2_Import", TPM2_CC_Import, 1, true, false, import, import_complete},
    {"TPM2_Unseal", TPM2_CC_Unseal, 1, true, false, unseal, unseal_complete},
    {"TPM2_EvictControl", TPM2_CC_EvictControl, 2, false, false, evict_control, evict_control_complete},
};

}  // namespace

std::span<const Command> object_commands() { return kCommands; }

}  // namespace sealedge::tpm
