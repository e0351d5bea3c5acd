// TPM2_StartAuthSession: the salt goes to a key that the caller pinned by Name, and nobody else learns the session key.
#include <algorithm>

#include "context.h"
#include "crypto/tpm_primitives.h"
#include "names.h"

namespace sealedge::tpm {
namespace {

struct Salt {
  SecureBuffer value;
  TPM2B_ENCRYPTED_SECRET encrypted{};
};

Result<HashAlg> supported_hash(uint32_t algorithm) {
  switch (algorithm) {
    case TPM2_ALG_SHA1:
    case TPM2_ALG_SHA256:
    case TPM2_ALG_SHA384:
    case TPM2_ALG_SHA512:
      return static_cast<HashAlg>(algorithm);
    default:
      return Error{ErrorCode::kOptionInvalid, "hash algorithm " + std::to_string(algorithm) + " is not supported"};
  }
}

// Part 1, B.10.2: RSAES-OAEP with the key's nameAlg and the label "SECRET", its terminating zero included.
Result<Salt> rsa_salt(const TPMT_PUBLIC& key, HashAlg hash) {
  Salt salt;
  SEALEDGE_ASSIGN(salt.value, SecureBuffer::allocate(digest_size_bytes(hash), "tpm session salt"));
  SEALEDGE_TRY(random_bytes(salt.value.span()));
  constexpr uint8_t kLabel[] = "SECRET";
  SEALEDGE_ASSIGN(const Bytes encrypted, rsa_oaep_encrypt(view_tpm2b(key.unique.rsa), key.parameters.rsaDetail.exponent,
                                                          hash, kLabel, salt.value.span()));
  SEALEDGE_ASSIGN(salt.encrypted, to_tpm2b<TPM2B_ENCRYPTED_SECRET>(encrypted, "encryptedSalt"));
  return salt;
}

Bytes padded(ByteSpan coordinate, size_t size) {
  Bytes out(std::max(size, coordinate.size()));
  std::ranges::copy(coordinate, out.end() - static_cast<ptrdiff_t>(coordinate.size()));
  return out;
}

// Part 1, C.6.1: an ephemeral key of ours; the salt is KDFe(nameAlg, Z.x, "SECRET", ephemeral.x, key.x).
Result<Salt> ecc_salt(const TPMT_PUBLIC& key, HashAlg hash) {
  const TPMI_ECC_CURVE curve = key.parameters.eccDetail.curveID;
  const size_t field_bytes = curve == TPM2_ECC_NIST_P256 ? 32 : curve == TPM2_ECC_NIST_P384 ? 48 : 0;
  if (field_bytes == 0) {
    return Error{ErrorCode::kOptionInvalid, "a session cannot be salted to a key on curve " + std::to_string(curve)};
  }
  const EcPoint peer{padded(view_tpm2b(key.unique.ecc.x), field_bytes),
                     padded(view_tpm2b(key.unique.ecc.y), field_bytes)};
  SEALEDGE_ASSIGN(SecureBuffer z, SecureBuffer::allocate(field_bytes, "tpm session salt"));
  SEALEDGE_ASSIGN(const EcPoint ephemeral, ecdh_ephemeral(curve, peer, z.span()));

  Salt salt;
  SEALEDGE_ASSIGN(salt.value, SecureBuffer::allocate(digest_size_bytes(hash), "tpm session salt"));
  SEALEDGE_TRY(kdfe(hash, z.span(), "SECRET", ephemeral.x, peer.x, salt.value.span()));
  TPMS_ECC_POINT point{};
  SEALEDGE_ASSIGN(point.x, to_tpm2b<TPM2B_ECC_PARAMETER>(ephemeral.x, "ephemeral.x"));
  SEALEDGE_ASSIGN(point.y, to_tpm2b<TPM2B_ECC_PARAMETER>(ephemeral.y, "ephemeral.y"));
  SEALEDGE_ASSIGN(const Bytes encrypted, marshal(point));
  SEALEDGE_ASSIGN(salt.encrypted, to_tpm2b<TPM2B_ENCRYPTED_SECRET>(encrypted, "encryptedSalt"));
  return salt;
}

Result<Salt> make_salt(ByteSpan public_area) {
  SEALEDGE_ASSIGN(const TPMT_PUBLIC key, unmarshal<TPMT_PUBLIC>(public_area, "tpmKey"));
  SEALEDGE_ASSIGN(const HashAlg hash, supported_hash(key.nameAlg));
  switch (key.type) {
    case TPM2_ALG_RSA:
      return rsa_salt(key, hash);
    case TPM2_ALG_ECC:
      return ecc_salt(key, hash);
    default:
      return Error{ErrorCode::kOptionInvalid, "a session is salted to an RSA or ECC key"};
  }
}

}  // namespace

Result<StartedSession> Context::run_start_session(const SessionRequest& request) {
  static constexpr const char* kName = "TPM2_StartAuthSession";
  SEALEDGE_ASSIGN(const HashAlg hash, supported_hash(request.hash));
  SEALEDGE_TRY(ready());

  Salt salt;
  TPM2_HANDLE tpm_key = TPM2_RH_NULL;
  if (request.tpm_key) {
    tpm_key = request.tpm_key->handle;
    Bytes storage;
    SEALEDGE_ASSIGN(const ByteSpan public_area, read_public(tpm_key, &storage));
    SEALEDGE_ASSIGN(const Bytes name, name_of_public(public_area));
    if (request.tpm_key->name != name) {
      return Error{ErrorCode::kTpmSession,
                   "the key to salt the session to does not have the pinned Name",
                   {{"command", kName}, {"layer", "context"}}};
    }
    SEALEDGE_ASSIGN(salt, make_salt(public_area));
  }

  TPM2_HANDLE bind = TPM2_RH_NULL;
  Bytes bound_name;
  if (request.bind) {
    bind = request.bind->handle;
    SEALEDGE_ASSIGN(bound_name, name_of(*request.bind));
  }
  const ByteSpan bind_auth = without_trailing_zeros(request.bind_auth.span());

  Session session{};
  session.type = request.type;
  session.hash = hash;
  session.encrypts = request.parameter_encryption && request.type != TPM2_SE_TRIAL;
  session.nonce_caller.resize(digest_size_bytes(hash));
  SEALEDGE_TRY(random_bytes(session.nonce_caller));

  // The command's own parameters are public, but a command table entry sees only Parameters: they travel there.
  Parameters parameters;
  const auto add_bytes = [&parameters](const char* name, ByteSpan bytes) -> Result<void> {
    SecureBuffer copy;
    if (!bytes.empty()) {
      SEALEDGE_ASSIGN(copy, SecureBuffer::allocate(bytes.size(), "tpm parameter"));
      std::ranges::copy(bytes, copy.data());
    }
    parameters.add(name, std::move(copy));
    return {};
  };
  SEALEDGE_TRY(add_bytes("nonceCaller", session.nonce_caller));
  SEALEDGE_TRY(add_bytes("encryptedSalt", view_tpm2b(salt.encrypted)));
  parameters.add("sessionType", uint32_t{request.type});
  parameters.add("symmetric", uint32_t{session.encrypts});
  parameters.add("authHash", uint32_t{static_cast<uint16_t>(hash)});

  static constexpr Command kCommand = {
      kName,
      TPM2_CC_StartAuthSession,
      2,
      true,
      true,
      [](Call& call) -> Result<void> {
        SEALEDGE_ASSIGN(const auto nonce, call.tpm2b<TPM2B_NONCE>("nonceCaller"));
        SEALEDGE_ASSIGN(const auto encrypted_salt, call.tpm2b<TPM2B_ENCRYPTED_SECRET>("encryptedSalt"));
        SEALEDGE_ASSIGN(const uint8_t type, call.parameters->u8("sessionType"));
        SEALEDGE_ASSIGN(const uint16_t auth_hash, call.parameters->u16("authHash"));
        TPMT_SYM_DEF symmetric{};
        symmetric.algorithm = TPM2_ALG_NULL;
        if (call.parameters->flag("symmetric")) {
          symmetric.algorithm = TPM2_ALG_AES;
          symmetric.keyBits.aes = 128;
          symmetric.mode.aes = TPM2_ALG_CFB;
        }
        return call.check(Tss2_Sys_StartAuthSession_Prepare(call.sys, call.handles[0], call.handles[1], &nonce,
                                                            &encrypted_salt, type, &symmetric, auth_hash));
      },
      [](Call& call) -> Result<Reply> {
        TPM2B_NONCE nonce{};
        SEALEDGE_TRY(call.check(Tss2_Sys_StartAuthSession_Complete(call.sys, &call.created_handle, &nonce)));
        return Reply{{"nonceTPM", from_tpm2b(nonce)}};
      },
  };
  SEALEDGE_ASSIGN(const ExchangeOutcome outcome, exchange({&kCommand, {tpm_key, bind}, {}, &parameters, {}}));
  session.handle = outcome.created_handle;
  session.nonce_tpm = std::get<Bytes>(outcome.reply.front().second);

  // From here on the TPM has the session: whatever fails must flush it.
  const auto finish = [&]() -> Result<void> {
    if (request.tpm_key || request.bind) {
      SEALEDGE_ASSIGN(session.key,
                      derive_session_key(hash, bind_auth, salt.value.span(), session.nonce_tpm, session.nonce_caller));
    }
    if (!bind_auth.empty()) {
      SEALEDGE_ASSIGN(session.bound_auth, SecureBuffer::allocate(bind_auth.size(), "tpm bound auth"));
      std::ranges::copy(bind_auth, session.bound_auth.data());
    }
    session.bound_name = std::move(bound_name);
    return {};
  };
  if (Result<void> finished = finish(); !finished.ok()) {
    flush_handle(session.handle);
    return std::move(finished).error();
  }
  session.id = next_session_id_++;
  const StartedSession started{session.id, session.handle};
  sessions_.emplace(started.id, std::move(session));
  return started;
}

}  // namespace sealedge::tpm
