#include "exchange.h"

#include <algorithm>
#include <thread>

#include "core/byte_reader.h"

namespace sealedge::tpm {
namespace {

constexpr size_t kHeaderBytes = 10;

// The System API context with its command and response buffer: one piece of secret memory, wiped after each command.
class SysContext {
 public:
  static Result<SysContext> create(Tcti& tcti, const char* command) {
    SEALEDGE_ASSIGN(SecureBuffer blob, SecureBuffer::allocate(Tss2_Sys_GetContextSize(0), "tpm command and response"));
    TSS2_ABI_VERSION abi = TSS2_ABI_VERSION_CURRENT;
    auto* sys = reinterpret_cast<TSS2_SYS_CONTEXT*>(blob.data());
    const TSS2_RC rc = Tss2_Sys_Initialize(sys, blob.size_bytes(), tcti.get(), &abi);
    if (rc != TSS2_RC_SUCCESS) return rc_error(rc, command);
    return SysContext(std::move(blob));
  }
  TSS2_SYS_CONTEXT* get() { return reinterpret_cast<TSS2_SYS_CONTEXT*>(blob_.data()); }
  // Whether a span that SYS reports lies within the blob: its sizes come from the response.
  bool contains(const uint8_t* data, size_t size) const {
    const uint8_t* end = blob_.data() + blob_.size_bytes();
    return data >= blob_.data() && data <= end && size <= static_cast<size_t>(end - data);
  }

 private:
  explicit SysContext(SecureBuffer blob) : blob_(std::move(blob)) {}
  SecureBuffer blob_;
};

Error bad_response(const Command& command, const char* what) {
  return {ErrorCode::kTpmResponse,
          std::string(command.name) + ": " + what,
          {{"command", command.name}, {"layer", "context"}}};
}

Error bad_session(const Command& command, const char* what) {
  return {ErrorCode::kTpmSession,
          std::string(command.name) + ": " + what,
          {{"command", command.name}, {"layer", "context"}}};
}

Result<Bytes> digest_of(HashAlg hash, std::initializer_list<ByteSpan> parts) {
  SEALEDGE_ASSIGN(Digest digest, Digest::create(hash));
  for (const ByteSpan part : parts) SEALEDGE_TRY(digest.update(part));
  Bytes out(digest_size_bytes(hash));
  SEALEDGE_TRY(digest.finish(out));
  return out;
}

void append_u32(Bytes* out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<uint8_t>(value >> shift));
}

// cpHash (Part 1, 16.7): commandCode, the Names of the handles, the parameters.
Result<Bytes> command_hash(HashAlg hash, const ExchangeRequest& request, ByteSpan parameters) {
  Bytes head;
  append_u32(&head, request.command->code);
  for (const Bytes& name : request.names) head.insert(head.end(), name.begin(), name.end());
  return digest_of(hash, {head, parameters});
}

// rpHash (Part 1, 16.8): responseCode (success), commandCode, the parameters.
Result<Bytes> response_hash(HashAlg hash, const ExchangeRequest& request, ByteSpan parameters) {
  Bytes head;
  append_u32(&head, TPM2_RC_SUCCESS);
  append_u32(&head, request.command->code);
  return digest_of(hash, {head, parameters});
}

const SessionUse* with_attribute(const std::vector<SessionUse>& uses, uint8_t attribute) {
  for (const SessionUse& use : uses) {
    if (use.session && (use.attributes & attribute)) return &use;
  }
  return nullptr;
}

// Part 1, 19.6.5: the first session, when it authorizes, also covers the nonces of the sessions that encrypt.
Bytes extra_nonces(const std::vector<SessionUse>& uses, size_t index) {
  Bytes extra;
  if (index != 0 || !uses[0].entity_name) return extra;
  const SessionUse* decrypt = with_attribute(uses, TPMA_SESSION_DECRYPT);
  const SessionUse* encrypt = with_attribute(uses, TPMA_SESSION_ENCRYPT);
  if (decrypt && decrypt != &uses[0]) extra = decrypt->session->nonce_tpm;
  if (encrypt && encrypt != &uses[0] && encrypt != decrypt) {
    extra.insert(extra.end(), encrypt->session->nonce_tpm.begin(), encrypt->session->nonce_tpm.end());
  }
  return extra;
}

// Part 1, 21.3: the key that encrypts a parameter comes from sessionKey and authValue. With neither, from public nonces
// alone: whoever records the bus computes it too. Refused before anything is sent, rather than protected in name only.
Result<void> require_keys(const Command& command, const std::vector<SessionUse>& uses) {
  for (const SessionUse& use : uses) {
    if (!use.session || !(use.attributes & (TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT))) continue;
    if (use.session->key.size_bytes() > 0 || (use.entity_name && !use.auth_value.empty())) continue;
    return Error{ErrorCode::kOptionInvalid,
                 std::string(command.name) +
                     ": a session that is neither salted nor bound has no key to encrypt parameters with",
                 {{"command", command.name}}};
  }
  return {};
}

// Rolls nonceCaller, encrypts the first parameter and writes the authorization area.
Result<void> add_sessions(const ExchangeRequest& request, std::vector<SessionUse>& uses, TSS2_SYS_CONTEXT* sys) {
  const Command& command = *request.command;
  for (SessionUse& use : uses) {
    if (!use.session) continue;
    use.session->nonce_caller.resize(digest_size_bytes(use.session->hash));
    SEALEDGE_TRY(random_bytes(use.session->nonce_caller));
  }

  if (const SessionUse* use = with_attribute(uses, TPMA_SESSION_DECRYPT)) {
    size_t size = 0;
    const uint8_t* parameter = nullptr;
    TSS2_RC rc = Tss2_Sys_GetDecryptParam(sys, &size, &parameter);
    if (rc != TSS2_RC_SUCCESS) return rc_error(rc, command.name);
    if (size > 0) {
      SEALEDGE_ASSIGN(SecureBuffer data, SecureBuffer::allocate(size, "tpm parameter"));
      std::copy_n(parameter, size, data.data());
      const Session& session = *use->session;
      SEALEDGE_TRY(crypt_parameter(*use, Direction::kEncrypt, session.nonce_caller, session.nonce_tpm, data.span()));
      rc = Tss2_Sys_SetDecryptParam(sys, size, data.data());
      if (rc != TSS2_RC_SUCCESS) return rc_error(rc, command.name);
    }
  }

  size_t size = 0;
  const uint8_t* parameters = nullptr;
  TSS2_RC rc = Tss2_Sys_GetCpBuffer(sys, &size, &parameters);
  if (rc != TSS2_RC_SUCCESS) return rc_error(rc, command.name);

  TSS2L_SYS_AUTH_COMMAND area{};
  for (size_t i = 0; i < uses.size(); i++) {
    const SessionUse& use = uses[i];
    TPMS_AUTH_COMMAND& auth = area.auths[area.count++];
    if (!use.session) {
      auth.sessionHandle = TPM2_RS_PW;
      auth.sessionAttributes = TPMA_SESSION_CONTINUESESSION;
      SEALEDGE_ASSIGN(auth.hmac, to_tpm2b<TPM2B_AUTH>(use.auth_value, "password"));
      continue;
    }
    const Session& session = *use.session;
    SEALEDGE_ASSIGN(const Bytes hash, command_hash(session.hash, request, ByteSpan(parameters, size)));
    SEALEDGE_ASSIGN(const Bytes hmac, authorization_hmac(use, hash, session.nonce_caller, session.nonce_tpm,
                                                         extra_nonces(uses, i), use.attributes));
    auth.sessionHandle = session.handle;
    auth.sessionAttributes = use.attributes;
    SEALEDGE_ASSIGN(auth.nonce, to_tpm2b<TPM2B_NONCE>(session.nonce_caller, "nonceCaller"));
    SEALEDGE_ASSIGN(auth.hmac, to_tpm2b<TPM2B_AUTH>(hmac, "hmac"));
  }
  rc = Tss2_Sys_SetCmdAuths(sys, &area);
  return rc == TSS2_RC_SUCCESS ? Result<void>() : Result<void>(rc_error(rc, command.name));
}

struct ResponseAuth {
  ByteSpan nonce, hmac;
  uint8_t attributes;
};

struct ResponseLayout {
  ByteSpan parameters;
  std::vector<ResponseAuth> auths;
};

bool read_tpm2b(ByteReader* reader, ByteSpan* out) {
  uint16_t size = 0;
  return reader->read_u16be(&size) && reader->read_span(size, out);
}

// Part 1, 18: tag, responseSize, responseCode, [handle], [parameterSize], parameters, [authorization area]. Read here
// rather than by SYS, which does not compare these sizes with each other.
bool read_layout(ByteSpan response, bool has_handle, size_t sessions, ResponseLayout* out) {
  ByteReader reader(response);
  uint16_t tag = 0;
  uint32_t size = 0;
  uint32_t code = 0;
  if (!reader.read_u16be(&tag) || !reader.read_u32be(&size) || !reader.read_u32be(&code)) return false;
  if (size != response.size() || code != TPM2_RC_SUCCESS) return false;
  if (has_handle && !reader.skip(sizeof(TPM2_HANDLE))) return false;
  if (tag != (sessions > 0 ? TPM2_ST_SESSIONS : TPM2_ST_NO_SESSIONS)) return false;
  if (sessions == 0) return reader.read_span(reader.remaining(), &out->parameters);
  uint32_t parameters = 0;
  if (!reader.read_u32be(&parameters) || !reader.read_span(parameters, &out->parameters)) return false;
  for (size_t i = 0; i < sessions; i++) {
    ResponseAuth auth{};
    if (!read_tpm2b(&reader, &auth.nonce) || !reader.read_u8(&auth.attributes) || !read_tpm2b(&reader, &auth.hmac)) {
      return false;
    }
    out->auths.push_back(auth);
  }
  return reader.at_end();
}

// A response that leaves its authorization area out is a forgery as much as one with a wrong HMAC.
Error malformed(const Command& command, bool has_sessions) {
  return has_sessions ? bad_session(command, "the response does not have the authorization area it must have")
                      : bad_response(command, "the response is malformed");
}

// Where the response is in the SYS context, from where SYS says its parameters are.
Result<ByteSpan> whole_response(const Command& command, SysContext& sys, bool has_sessions) {
  size_t size = 0;
  const uint8_t* parameters = nullptr;
  const TSS2_RC rc = Tss2_Sys_GetRpBuffer(sys.get(), &size, &parameters);
  if (rc != TSS2_RC_SUCCESS) return rc_error(rc, command.name);
  const size_t before =
      kHeaderBytes + (command.creates ? sizeof(TPM2_HANDLE) : 0) + (has_sessions ? sizeof(uint32_t) : 0);
  if (!sys.contains(parameters - before, before)) return malformed(command, has_sessions);
  ByteReader header(ByteSpan(parameters - before, kHeaderBytes));
  uint32_t total = 0;
  if (!header.skip(sizeof(uint16_t)) || !header.read_u32be(&total) || !sys.contains(parameters - before, total)) {
    return malformed(command, has_sessions);
  }
  return ByteSpan(parameters - before, total);
}

// Checks every HMAC, rolls nonceTPM and decrypts the first parameter in place.
Result<void> authenticate(const ExchangeRequest& request, std::vector<SessionUse>& uses, SysContext& sys) {
  const Command& command = *request.command;
  const bool has_sessions = !uses.empty();
  SEALEDGE_ASSIGN(const ByteSpan response, whole_response(command, sys, has_sessions));
  ResponseLayout layout;
  if (!read_layout(response, command.creates, uses.size(), &layout)) {
    return malformed(command, has_sessions);
  }
  for (size_t i = 0; i < uses.size(); i++) {
    if (!uses[i].session) continue;
    Session& session = *uses[i].session;
    const ResponseAuth& auth = layout.auths[i];
    if (auth.nonce.size() != session.nonce_caller.size()) return bad_session(command, "nonceTPM has a wrong size");
    SEALEDGE_ASSIGN(const Bytes hash, response_hash(session.hash, request, layout.parameters));
    SEALEDGE_ASSIGN(const Bytes expected,
                    authorization_hmac(uses[i], hash, auth.nonce, session.nonce_caller, {}, auth.attributes));
    if (expected.size() != auth.hmac.size() || !constant_time_equal(expected, auth.hmac)) {
      return bad_session(command, "the response is not authentic (HMAC mismatch)");
    }
    if (!(auth.attributes & TPMA_SESSION_CONTINUESESSION)) session.lost = true;
    session.nonce_tpm.assign(auth.nonce.begin(), auth.nonce.end());
  }
  const SessionUse* use = with_attribute(uses, TPMA_SESSION_ENCRYPT);
  if (!use) return {};
  ByteReader reader(layout.parameters);
  ByteSpan ciphertext;
  if (!read_tpm2b(&reader, &ciphertext)) return bad_response(command, "the response is malformed");
  if (ciphertext.empty()) return {};
  SEALEDGE_ASSIGN(SecureBuffer plain, SecureBuffer::allocate(ciphertext.size(), "tpm parameter"));
  std::ranges::copy(ciphertext, plain.data());
  SEALEDGE_TRY(
      crypt_parameter(*use, Direction::kDecrypt, use->session->nonce_tpm, use->session->nonce_caller, plain.span()));
  const TSS2_RC rc = Tss2_Sys_SetEncryptParam(sys.get(), plain.size_bytes(), plain.data());
  return rc == TSS2_RC_SUCCESS ? Result<void>() : Result<void>(rc_error(rc, command.name));
}

bool is_retry(TSS2_RC rc) {
  if (!is_tpm_layer(rc)) return false;
  const TSS2_RC code = base_rc(rc);
  return code == TPM2_RC_RETRY || code == TPM2_RC_YIELDED || code == TPM2_RC_TESTING;
}

}  // namespace

Result<ExchangeOutcome> Exchange::run(const ExchangeRequest& request, ExchangeFailure* failure) {
  using Clock = std::chrono::steady_clock;
  const auto give_up = Clock::now() + std::chrono::milliseconds(options_.retry_timeout_ms);
  std::chrono::milliseconds pause(2);
  for (;;) {
    Result<ExchangeOutcome> outcome = attempt(request, failure);
    if (outcome.ok() || failure->progress != Progress::kRefused || !is_retry(failure->rc)) return outcome;
    if (Clock::now() + pause > give_up) return outcome;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(250));
  }
}

Result<ExchangeOutcome> Exchange::attempt(const ExchangeRequest& request, ExchangeFailure* failure) {
  const Command& command = *request.command;
  failure->progress = Progress::kNotSent;
  failure->rc = TSS2_RC_SUCCESS;
  SEALEDGE_ASSIGN(SysContext sys, SysContext::create(tcti_, command.name));
  Call call{&command, sys.get(), request.handles, request.parameters};
  SEALEDGE_TRY(command.prepare(call));

  // Attributes are decided here, where SYS knows whether the command's first parameter may be encrypted.
  std::vector<SessionUse> uses = request.sessions;
  size_t size = 0;
  const uint8_t* parameter = nullptr;
  const bool command_encryptable = Tss2_Sys_GetDecryptParam(sys.get(), &size, &parameter) == TSS2_RC_SUCCESS;
  for (SessionUse& use : uses) {
    if (!command_encryptable) use.attributes &= static_cast<uint8_t>(~TPMA_SESSION_DECRYPT);
    if (!command.response_encryptable) use.attributes &= static_cast<uint8_t>(~TPMA_SESSION_ENCRYPT);
  }
  SEALEDGE_TRY(require_keys(command, uses));
  if (!uses.empty()) SEALEDGE_TRY(add_sessions(request, uses, sys.get()));

  failure->progress = Progress::kSent;
  TSS2_RC rc = Tss2_Sys_ExecuteAsync(sys.get());
  if (rc == TSS2_RC_SUCCESS) rc = tcti_.wait_for_response(options_.command_timeout_ms);
  if (rc == TSS2_RC_SUCCESS) rc = Tss2_Sys_ExecuteFinish(sys.get(), TSS2_TCTI_TIMEOUT_BLOCK);
  if (rc != TSS2_RC_SUCCESS) {
    failure->rc = rc;
    if (is_tpm_layer(rc) || (rc & TSS2_RC_LAYER_MASK) == TSS2_RESMGR_RC_LAYER) failure->progress = Progress::kRefused;
    return rc_error(rc, command.name);
  }
  SEALEDGE_TRY(authenticate(request, uses, sys));
  SEALEDGE_ASSIGN(Reply reply, command.complete(call));
  return ExchangeOutcome{std::move(reply), call.created_handle, std::move(call.created_public)};
}

}  // namespace sealedge::tpm
