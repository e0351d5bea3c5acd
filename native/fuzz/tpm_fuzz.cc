// A hostile TPM, or a hostile bus to a good one: every response is the fuzzer's. Whatever it answers, the context must
// neither crash nor leave a session usable whose nonces are in doubt. The transport is replaced at link time: this file
// defines class Tcti, the addon's tcti.cc is left out.
//
// Input: one piece for each exchange, {flags u8, length u8, bytes}. Flags frame the bytes as a response, so that the
// fuzzer does not spend its life on sizes.
#include <tss2/tss2_tcti.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "context.h"
#include "core/byte_reader.h"

namespace {

constexpr uint8_t kFramed = 1;    // a header with the right size goes before the bytes
constexpr uint8_t kFailed = 2;    // the first four bytes are the response code, not success
constexpr uint8_t kOtherTag = 4;  // the tag is not the command's
constexpr uint8_t kSessions = 8;  // parameterSize before, and an authorization area after the bytes
constexpr uint8_t kHandle = 16;   // a transient handle before the parameters
constexpr uint8_t kWrongHmac = 32;

std::span<const uint8_t> script;
uint16_t command_tag = TPM2_ST_NO_SESSIONS;
std::vector<uint8_t> response;

uint8_t take_byte() {
  if (script.empty()) return 0;
  const uint8_t byte = script[0];
  script = script.subspan(1);
  return byte;
}

void append(std::vector<uint8_t>* out, uint64_t value, size_t bytes) {
  while (bytes-- > 0) out->push_back(static_cast<uint8_t>(value >> (8 * bytes)));
}

bool next_response() {
  response.clear();
  if (script.empty()) return false;
  const uint8_t flags = take_byte();
  const size_t length = std::min<size_t>(size_t{take_byte()} * 4, script.size());
  std::span<const uint8_t> bytes = script.first(length);
  script = script.subspan(length);
  if (!(flags & kFramed)) {
    response.assign(bytes.begin(), bytes.end());
    return true;
  }
  uint32_t code = TPM2_RC_SUCCESS;
  if ((flags & kFailed) && bytes.size() >= sizeof(code)) {
    sealedge::ByteReader(bytes).read_u32be(&code);
    bytes = bytes.subspan(sizeof(code));
  }
  const bool other = (flags & kOtherTag) != 0;
  append(&response, other ? (command_tag ^ (TPM2_ST_SESSIONS ^ TPM2_ST_NO_SESSIONS)) : command_tag, 2);
  append(&response, 0, 4);
  append(&response, code, 4);
  if (flags & kHandle) append(&response, 0x80000001, 4);
  if (flags & kSessions) append(&response, bytes.size(), 4);
  response.insert(response.end(), bytes.begin(), bytes.end());
  if (flags & kSessions) {
    append(&response, 32, 2);
    response.insert(response.end(), 32, 0xA5);
    response.push_back(TPMA_SESSION_CONTINUESESSION);
    append(&response, flags & kWrongHmac ? 32 : 0, 2);
    if (flags & kWrongHmac) response.insert(response.end(), 32, 0x5A);
  }
  for (size_t i = 0; i < 4; ++i) response[2 + i] = static_cast<uint8_t>(response.size() >> (24 - 8 * i));
  return true;
}

TSS2_RC transmit(TSS2_TCTI_CONTEXT*, size_t size, const uint8_t* command) {
  uint16_t tag = 0;
  if (sealedge::ByteReader({command, size}).read_u16be(&tag)) command_tag = tag;
  return next_response() ? TSS2_RC_SUCCESS : TSS2_TCTI_RC_IO_ERROR;
}

TSS2_RC receive(TSS2_TCTI_CONTEXT*, size_t* size, uint8_t* out, int32_t) {
  if (out == nullptr) {
    *size = response.size();
    return TSS2_RC_SUCCESS;
  }
  if (*size < response.size()) return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
  *size = response.size();
  if (!response.empty()) std::memcpy(out, response.data(), response.size());
  return TSS2_RC_SUCCESS;
}

TSS2_TCTI_CONTEXT_COMMON_V1 transport = {.magic = 0x7365616C,
                                         .version = 1,
                                         .transmit = transmit,
                                         .receive = receive,
                                         .finalize = nullptr,
                                         .cancel = nullptr,
                                         .getPollHandles = nullptr,
                                         .setLocality = nullptr};

}  // namespace

namespace sealedge::tpm {

Result<void> Tcti::connect() {
  if (script.empty()) return Error{ErrorCode::kTpmUnavailable, "the script is over"};
  context_ = reinterpret_cast<TSS2_TCTI_CONTEXT*>(&transport);
  return {};
}
void Tcti::disconnect() { context_ = nullptr; }
TSS2_RC Tcti::wait_for_response(int) { return TSS2_RC_SUCCESS; }

namespace {

SecureBuffer secret(std::initializer_list<uint8_t> bytes) {
  if (bytes.size() == 0) return {};
  auto buffer = SecureBuffer::allocate(bytes.size(), "fuzz");
  if (!buffer.ok()) return {};
  std::ranges::copy(bytes, buffer->data());
  return std::move(*buffer);
}

constexpr std::initializer_list<uint8_t> kOnePcr = {0, 0, 0, 1, 0, 0x0B, 3, 1, 0, 0};
constexpr std::initializer_list<uint8_t> kNullScheme = {0, 0x10};
// A KEYEDHASH object, adminWithPolicy and noDA, with an empty policy and unique.
constexpr std::initializer_list<uint8_t> kPublic = {0, 8, 0, 0x0B, 0, 0, 4, 0x80, 0, 0, 0, 0x10, 0, 0};

// What every command here may ask for; each takes what it knows.
Parameters parameters() {
  Parameters all;
  for (const char* name : {"qualifyingData", "userAuth", "data", "outsideInfo", "credentialBlob", "secret", "inPrivate",
                           "duplicate", "inSymSeed", "nonceTPM", "cpHashA", "policyRef", "pcrDigest", "operandB"}) {
    all.add(name, secret({1, 2, 3}));
  }
  for (const char* name : {"pcrSelect", "pcrSelectionIn", "creationPCR", "pcrs"}) all.add(name, secret(kOnePcr));
  for (const char* name : {"inPublic", "objectPublic"}) all.add(name, secret(kPublic));
  all.add("inScheme", secret(kNullScheme));
  all.add("capability", uint32_t{TPM2_CAP_TPM_PROPERTIES});
  for (const char* name : {"property", "propertyCount", "bytesRequested", "size", "offset", "expiration", "operation",
                           "code", "hierarchy", "startupType"}) {
    all.add(name, uint32_t{1});
  }
  all.add("flushHandle", uint32_t{0x80000001});
  return all;
}

// Commands whose responses have a structure to get wrong, and how many authorizations each needs.
struct Step {
  const char* command;
  size_t authorizations;
};
constexpr Step kSteps[] = {
    {"TPM2_Unseal", 1},
    {"TPM2_ReadPublic", 0},
    {"TPM2_NV_ReadPublic", 0},
    {"TPM2_NV_Read", 1},
    {"TPM2_Quote", 1},
    {"TPM2_Certify", 2},
    {"TPM2_CreatePrimary", 1},
    {"TPM2_Create", 1},
    {"TPM2_Load", 1},
    {"TPM2_LoadExternal", 0},
    {"TPM2_Import", 1},
    {"TPM2_GetCapability", 0},
    {"TPM2_PCR_Read", 0},
    {"TPM2_GetRandom", 0},
    {"TPM2_ReadClock", 0},
    {"TPM2_NV_Certify", 2},
    {"TPM2_PolicyPCR", 0},
    {"TPM2_PolicySecret", 1},
    {"TPM2_PolicyGetDigest", 0},
    {"TPM2_PolicyAuthValue", 0},
    {"TPM2_Startup", 0},
    {"TPM2_FlushContext", 0},
    {"TPM2_ActivateCredential", 2},
    {"TPM2_GetTestResult", 0},
};

void run_step(Context* context, const Step& step, std::optional<uint64_t> session, bool encrypt) {
  const Command* command = find_command(step.command);
  CommandRequest request;
  request.command = step.command;
  request.parameters = parameters();
  const bool policy = std::string_view(step.command).starts_with("TPM2_Policy");
  for (size_t i = 0; i < command->handles; ++i) {
    const bool last = i + 1 == command->handles;
    if (policy && last && session) {
      request.handles.push_back({.session = session});
    } else {
      // Not all with a Name: then it is read, from the fuzzer.
      request.handles.push_back(
          {.handle = 0x81000001 + static_cast<TPM2_HANDLE>(i), .name = Bytes(i == 0 ? 0 : 34, 7)});
    }
  }
  for (size_t i = 0; i < step.authorizations; ++i) {
    Authorization& authorization = request.authorizations.emplace_back();
    if (i == 0 && session && !policy) authorization.session = session;
    authorization.auth_value = secret({9, 9});
  }
  if (encrypt && session && (step.authorizations == 0 || policy)) request.encryption = session;
  (void)context->execute(request).ok();
}

}  // namespace
}  // namespace sealedge::tpm

// libtss2 writes a line about every malformed response.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  setenv("TSS2_LOG", "all+NONE", 0);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealedge::tpm;
  script = {data, size};
  Context context({"fuzz", 1, 0});
  if (!context.open().ok()) return 0;
  SessionRequest request;
  const uint8_t kind = take_byte();
  request.type = kind & 1 ? TPM2_SE_HMAC : TPM2_SE_POLICY;
  request.parameter_encryption = (kind & 2) != 0;
  if (kind & 4) request.tpm_key = Handle{.handle = 0x81000001, .name = Bytes(34, 7)};
  if (kind & 8) {
    request.bind = Handle{.handle = 0x81000002, .name = Bytes(34, 7)};
    request.bind_auth = secret({5});
  }
  auto started = context.start_session(request);
  std::optional<uint64_t> session;
  if (started.ok()) session = started->id;
  while (!script.empty()) {
    const uint8_t which = take_byte();
    run_step(&context, kSteps[which % std::size(kSteps)], which & 0x80 ? session : std::nullopt, (which & 0x40) != 0);
  }
  if (session) context.flush_session(*session);
  context.close();
  return 0;
}
