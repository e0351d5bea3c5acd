#include "session.h"

#include <algorithm>

#include "core/checkpoint.h"
#include "crypto/tpm_primitives.h"

namespace sealedge::tpm {
namespace {

Result<SecureBuffer> concatenate(ByteSpan a, ByteSpan b) {
  // An empty key is legitimate; an empty allocation is not.
  if (a.empty() && b.empty()) return SecureBuffer();
  SEALEDGE_ASSIGN(SecureBuffer both, SecureBuffer::allocate(a.size() + b.size(), "tpm session value"));
  std::ranges::copy(b, std::ranges::copy(a, both.data()).out);
  return both;
}

bool same(ByteSpan a, ByteSpan b) { return a.size() == b.size() && constant_time_equal(a, b); }

// Part 1, 19.6.5: sessionKey || authValue; without authValue where the session is bound to this very entity, where the
// policy does not ask for it, and where nothing is authorized.
bool auth_value_in_hmac(const SessionUse& use) {
  const Session& session = *use.session;
  if (!use.entity_name) return false;
  if (session.type == TPM2_SE_POLICY) return session.auth_value_needed;
  const bool bound_to_it = !session.bound_name.empty() && same(session.bound_name, *use.entity_name) &&
                           same(session.bound_auth.span(), use.auth_value);
  return !bound_to_it;
}

}  // namespace

ByteSpan without_trailing_zeros(ByteSpan auth_value) {
  size_t size = auth_value.size();
  while (size > 0 && auth_value[size - 1] == 0) size--;
  return auth_value.first(size);
}

Result<SecureBuffer> derive_session_key(HashAlg hash, ByteSpan bind_auth, ByteSpan salt, ByteSpan nonce_tpm,
                                        ByteSpan nonce_caller) {
  SEALEDGE_ASSIGN(const SecureBuffer secret, concatenate(bind_auth, salt));
  SEALEDGE_ASSIGN(SecureBuffer key, SecureBuffer::allocate(digest_size_bytes(hash), "tpm session key"));
  SEALEDGE_TRY(kdfa(hash, secret.span(), "ATH", nonce_tpm, nonce_caller, key.span()));
  return key;
}

Result<Bytes> authorization_hmac(const SessionUse& use, ByteSpan parameter_hash, ByteSpan nonce_newer,
                                 ByteSpan nonce_older, ByteSpan extra_nonces, uint8_t attributes) {
  const Session& session = *use.session;
  SEALEDGE_ASSIGN(const SecureBuffer key,
                  concatenate(session.key.span(), auth_value_in_hmac(use) ? use.auth_value : ByteSpan()));
  if (session.type == TPM2_SE_POLICY && key.size_bytes() == 0) return Bytes();
  Bytes out(digest_size_bytes(session.hash));
  SEALEDGE_TRY(hmac(session.hash, key.span(),
                    {parameter_hash, nonce_newer, nonce_older, extra_nonces, ByteSpan(&attributes, 1)}, out));
  return out;
}

Result<void> crypt_parameter(const SessionUse& use, Direction direction, ByteSpan nonce_newer, ByteSpan nonce_older,
                             std::span<uint8_t> data) {
  const Session& session = *use.session;
  // Part 1, 21.2: here the authValue takes part whenever the session authorizes an entity, bound or not.
  SEALEDGE_ASSIGN(const SecureBuffer value,
                  concatenate(session.key.span(), use.entity_name ? use.auth_value : ByteSpan()));
  constexpr size_t kKeyBytes = 16;
  constexpr size_t kIvBytes = 16;
  SEALEDGE_ASSIGN(SecureBuffer key_and_iv, SecureBuffer::allocate(kKeyBytes + kIvBytes, "tpm parameter key"));
  SEALEDGE_TRY(kdfa(session.hash, value.span(), "CFB", nonce_newer, nonce_older, key_and_iv.span()));
  const ByteSpan key = key_and_iv.span().first(kKeyBytes);
  const ByteSpan iv = key_and_iv.span().subspan(kKeyBytes);
  SEALEDGE_TRY(direction == Direction::kEncrypt ? aes_cfb_encrypt(key, iv, data) : aes_cfb_decrypt(key, iv, data));
  SEALEDGE_CHECKPOINT("parameter-crypted");
  return {};
}

}  // namespace sealedge::tpm
