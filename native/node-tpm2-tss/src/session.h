// Authorization sessions (Part 1, 19 and 21): keys, HMACs and parameter encryption. Every key and authValue is in
// secret memory; nonces are public.
#pragma once

#include <optional>

#include "crypto/digest.h"
#include "values.h"

namespace sealedge::tpm {

struct Session {
  uint64_t id;
  TPM2_HANDLE handle;
  TPM2_SE type;
  HashAlg hash;
  // The TPM was given a symmetric algorithm (AES-128-CFB): parameters may be encrypted.
  bool encrypts;
  // sessionKey: empty when the session is neither salted nor bound.
  SecureBuffer key;
  Bytes nonce_caller;
  Bytes nonce_tpm;
  // Bound entity, by Name, and its authValue then.
  Bytes bound_name;
  SecureBuffer bound_auth;
  // TPM2_PolicyAuthValue was executed: the authValue enters the HMAC of a policy session.
  bool auth_value_needed = false;
  // The TPM may not agree about the nonces any more (a response was lost or not authentic).
  bool lost = false;
};

// What one use of a session in one command needs to know.
struct SessionUse {
  Session* session;  // nullptr: password authorization with auth_value
  // Entity that it authorizes; nullptr for a session that only encrypts.
  const Bytes* entity_name;
  ByteSpan auth_value;  // trailing zeros removed (Part 1, 19.6.4.3)
  uint8_t attributes;
};

ByteSpan without_trailing_zeros(ByteSpan auth_value);

// KDFa(authHash, bind.authValue || salt, "ATH", nonceTPM, nonceCaller, bits) (Part 1, 19.6.8). Empty when both are.
Result<SecureBuffer> derive_session_key(HashAlg hash, ByteSpan bind_auth, ByteSpan salt, ByteSpan nonce_tpm,
                                        ByteSpan nonce_caller);

// HMAC of the authorization area (Part 1, 19.6.5). parameter_hash is cpHash or rpHash; extra are nonceTPMdecrypt and
// nonceTPMencrypt. A result of size zero: this session has no key, and the TPM expects the Empty Buffer (policy
// sessions).
Result<Bytes> authorization_hmac(const SessionUse& use, ByteSpan parameter_hash, ByteSpan nonce_newer,
                                 ByteSpan nonce_older, ByteSpan extra_nonces, uint8_t attributes);

// AES-128-CFB in place with KDFa(hash, sessionKey || authValue, "CFB", nonceNewer, nonceOlder) (Part 1, 21.3).
enum class Direction { kEncrypt, kDecrypt };
Result<void> crypt_parameter(const SessionUse& use, Direction direction, ByteSpan nonce_newer, ByteSpan nonce_older,
                             std::span<uint8_t> data);

}  // namespace sealedge::tpm
