#include "command.h"

namespace sealedge::tpm {

Result<void> Call::check(TSS2_RC rc) const {
  if (rc == TSS2_RC_SUCCESS) return {};
  return rc_error(rc, command->name);
}

const Command* find_command(std::string_view name) {
  for (const auto table : {general_commands(), pcr_commands(), nv_commands(), object_commands(), attestation_commands(),
                           policy_commands()}) {
    for (const Command& command : table) {
      if (command.name == name) return &command;
    }
  }
  return nullptr;
}

}  // namespace sealedge::tpm
