#include "crypto/ecdsa.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "crypto/algorithms.h"
#include "crypto/openssl_error.h"

namespace sealedge {
namespace {

// RFC 5480: SEQUENCE { SEQUENCE { id-ecPublicKey, secp256r1 }, BIT STRING { 0 unused bits, 04 || X || Y } }. With a
// named curve and an uncompressed point DER leaves one encoding, so the header is compared, not parsed.
constexpr std::array<uint8_t, 27> kSpkiHeader = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                                 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                                 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
constexpr size_t kSpkiBytes = kSpkiHeader.size() + 64;
constexpr size_t kPointBytes = 65;
constexpr size_t kScalarBytes = 32;

// SEC 2, 2.4.2: n, and n >> 1.
constexpr std::array<uint8_t, 32> kOrder = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                                            0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                                            0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
constexpr std::array<uint8_t, 32> kHalfOrder = {0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff,
                                                0xff, 0xff, 0xff, 0xff, 0xff, 0xde, 0x73, 0x7d, 0x56, 0xd3, 0x8b,
                                                0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8};

using Scalar = std::span<const uint8_t>;

// Public values: an early exit tells nothing.
int compare(Scalar a, Scalar b) {
  const auto [at_a, at_b] = std::mismatch(a.begin(), a.end(), b.begin());
  return at_a == a.end() ? 0 : (*at_a < *at_b ? -1 : 1);
}
bool is_zero(Scalar a) {
  return std::all_of(a.begin(), a.end(), [](uint8_t byte) { return byte == 0; });
}

Error invalid(const char* why) { return {ErrorCode::kSignatureInvalid, std::string("signature: ") + why}; }

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};

// DER INTEGER: minimal, with a zero byte in front when the top bit is set.
size_t put_integer(Scalar value, uint8_t* out) {
  while (value.size() > 1 && value[0] == 0) value = value.subspan(1);
  const bool pad = (value[0] & 0x80) != 0;
  size_t at = 0;
  out[at++] = 0x02;
  out[at++] = static_cast<uint8_t>(value.size() + (pad ? 1 : 0));
  if (pad) out[at++] = 0;
  std::copy(value.begin(), value.end(), out + at);
  return at + value.size();
}

Result<std::unique_ptr<EVP_PKEY, Free>> load_point(std::span<const uint8_t> point) {
  std::unique_ptr<EVP_PKEY_CTX, Free> context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1) return openssl_error("P-256 key");
  char group[] = "prime256v1";
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, const_cast<uint8_t*>(point.data()), point.size()),
      OSSL_PARAM_construct_end()};
  EVP_PKEY* key = nullptr;
  // Refuses coordinates >= p and points off the curve (EC_POINT_oct2point).
  if (EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
    const Error error = openssl_error("P-256 key");
    if (error.code == ErrorCode::kMemoryExhausted) return error;
    return invalid("the public key is not a point of P-256");
  }
  return std::unique_ptr<EVP_PKEY, Free>(key);
}

}  // namespace

Result<void> ecdsa_p256_verify(std::span<const uint8_t> spki, std::span<const uint8_t> message,
                               std::span<const uint8_t> signature) {
  if (spki.size() != kSpkiBytes || !std::equal(kSpkiHeader.begin(), kSpkiHeader.end(), spki.begin())) {
    return invalid("the public key is not an uncompressed P-256 SubjectPublicKeyInfo of 91 bytes");
  }
  if (signature.size() != 2 * kScalarBytes) {
    return Error{ErrorCode::kSignatureInvalid,
                 "signature: expected 64 bytes, got " + std::to_string(signature.size()),
                 {{"expected", "64"}, {"got", std::to_string(signature.size())}}};
  }
  const Scalar r = signature.first(kScalarBytes);
  const Scalar s = signature.last(kScalarBytes);
  if (is_zero(r) || compare(r, kOrder) >= 0) return invalid("r is out of range");
  if (is_zero(s) || compare(s, kOrder) >= 0) return invalid("s is out of range");
  // SPEC.md "Signature": of s and n - s only the lower is accepted, so nobody can make a second valid signature.
  if (compare(s, kHalfOrder) > 0) return invalid("s is not the lower of its two forms");

  SEALEDGE_TRY(algorithms());
  SEALEDGE_ASSIGN(const Sha256Digest digest, sha256(message));
  SEALEDGE_ASSIGN(const auto key, load_point(spki.last(kPointBytes)));
  std::array<uint8_t, 2 + 2 * (kScalarBytes + 3)> der;
  size_t der_bytes = 2;
  der_bytes += put_integer(r, der.data() + der_bytes);
  der_bytes += put_integer(s, der.data() + der_bytes);
  der[0] = 0x30;
  der[1] = static_cast<uint8_t>(der_bytes - 2);

  std::unique_ptr<EVP_PKEY_CTX, Free> context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (!context || EVP_PKEY_verify_init(context.get()) != 1) return openssl_error("ECDSA");
  if (EVP_PKEY_verify(context.get(), der.data(), der_bytes, digest.data(), digest.size()) == 1) return {};
  const Error error = openssl_error("ECDSA");
  if (error.code == ErrorCode::kMemoryExhausted) return error;
  return invalid("does not verify");
}

}  // namespace sealedge
