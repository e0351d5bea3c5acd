// One TPM command as the exchange needs it: how to prepare it with the System API and how to read its response.
#pragma once

#include <tss2/tss2_sys.h>

#include <span>
#include <string_view>

#include "marshal.h"
#include "values.h"

namespace sealedge::tpm {

struct Command;

// What prepare and complete work on. They run on a secret stack: a structure with a secret may be a local variable.
struct Call {
  const Command* command;
  TSS2_SYS_CONTEXT* sys;
  std::span<const TPM2_HANDLE> handles;
  const Parameters* parameters;
  // Set by complete of a command that creates an object: its handle, and its public area to compute the Name from.
  TPM2_HANDLE created_handle = 0;
  Bytes created_public = {};

  template <typename T>
  Result<T> structure(const char* name) const {
    SEALEDGE_ASSIGN(const ByteSpan bytes, parameters->bytes(name));
    return unmarshal<T>(bytes, name);
  }
  template <typename T>
  Result<T> tpm2b(const char* name) const {
    SEALEDGE_ASSIGN(const ByteSpan bytes, parameters->bytes(name));
    return to_tpm2b<T>(bytes, name);
  }
  Result<void> check(TSS2_RC rc) const;
};

struct Command {
  const char* name;
  TPM2_CC code;
  size_t handles;
  // Part 3: the first parameter of the response is a TPM2B, so a session may encrypt it. (Of the command's, SYS knows.)
  bool response_encryptable;
  // The response has a handle: of an object or session that must not be lost when the response is.
  bool creates;
  Result<void> (*prepare)(Call&);
  Result<Reply> (*complete)(Call&);
};

// nullptr when there is no such command.
const Command* find_command(std::string_view name);

// One table for each part of the specification, in commands_*.cc.
std::span<const Command> general_commands();
std::span<const Command> pcr_commands();
std::span<const Command> nv_commands();
std::span<const Command> object_commands();
std::span<const Command> attestation_commands();
std::span<const Command> policy_commands();

}  // namespace sealedge::tpm
