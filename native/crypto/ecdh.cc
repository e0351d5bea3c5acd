#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <memory>
#include <string>

#include "crypto/algorithms.h"
#include "crypto/openssl_error.h"
#include "crypto/tpm_primitives.h"

namespace sealedge {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Context = std::unique_ptr<EVP_PKEY_CTX, Free>;

struct Curve {
  const char* group;
  size_t field_bytes;
};

Result<Curve> curve_of(uint16_t tpm_curve) {
  switch (tpm_curve) {  // TPM_ECC_CURVE, Part 2, 6.4
    case 0x0003:
      return Curve{"prime256v1", 32};
    case 0x0004:
      return Curve{"secp384r1", 48};
    default:
      return Error{ErrorCode::kTpmResponse, "elliptic curve " + std::to_string(tpm_curve) + " is not supported"};
  }
}

// The chip may send a coordinate without its leading zeros.
bool append_padded(std::span<const uint8_t> coordinate, size_t field_bytes, std::vector<uint8_t>* out) {
  if (coordinate.size() > field_bytes) return false;
  out->insert(out->end(), field_bytes - coordinate.size(), 0);
  out->insert(out->end(), coordinate.begin(), coordinate.end());
  return true;
}

Result<Key> load_peer(const Curve& curve, const EcPoint& peer) {
  std::vector<uint8_t> point = {0x04};
  if (!append_padded(peer.x, curve.field_bytes, &point) || !append_padded(peer.y, curve.field_bytes, &point)) {
    return Error{ErrorCode::kTpmResponse, "a coordinate is longer than its field"};
  }
  Context context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1) return openssl_error("ECDH");
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, const_cast<char*>(curve.group), 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
    const Error error = openssl_error("ECDH");
    if (error.code == ErrorCode::kMemoryExhausted) return error;
    return Error{ErrorCode::kTpmResponse, "the peer's point is not on its curve"};
  }
  return Key(key);
}

Result<Key> make_ephemeral(const Curve& curve) {
  Context context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, const_cast<char*>(curve.group), 0),
      OSSL_PARAM_construct_end()};
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_keygen_init(context.get()) != 1 || EVP_PKEY_CTX_set_params(context.get(), params) != 1 ||
      EVP_PKEY_generate(context.get(), &key) != 1) {
    return openssl_error("ECDH");
  }
  return Key(key);
}

}  // namespace

Result<EcPoint> ecdh_ephemeral(uint16_t tpm_curve, const EcPoint& peer, std::span<uint8_t> z_x) {
  SEALEDGE_TRY(algorithms());
  SEALEDGE_ASSIGN(const Curve curve, curve_of(tpm_curve));
  if (z_x.size() != curve.field_bytes) return Error{ErrorCode::kInternal, "ECDH: wrong output size"};
  SEALEDGE_ASSIGN(const Key peer_key, load_peer(curve, peer));
  SEALEDGE_ASSIGN(const Key own_key, make_ephemeral(curve));

  // Part 1, C.6.1: Z is the x coordinate, padded to the field size; EVP gives exactly that. Both curves have
  // cofactor 1.
  Context context(EVP_PKEY_CTX_new_from_pkey(nullptr, own_key.get(), nullptr));
  size_t z_bytes = z_x.size();
  if (!context || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), peer_key.get()) != 1 ||
      EVP_PKEY_derive(context.get(), z_x.data(), &z_bytes) != 1 || z_bytes != z_x.size()) {
    return openssl_error("ECDH");
  }
  std::vector<uint8_t> point(1 + 2 * curve.field_bytes);
  size_t point_bytes = 0;
  if (EVP_PKEY_get_octet_string_param(own_key.get(), OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point.data(), point.size(),
                                      &point_bytes) != 1 ||
      point_bytes != point.size() || point[0] != 0x04) {
    return openssl_error("ECDH");
  }
  const auto x = point.begin() + 1;
  const auto y = x + static_cast<ptrdiff_t>(curve.field_bytes);
  return EcPoint{{x, y}, {y, point.end()}};
}

}  // namespace sealedge
