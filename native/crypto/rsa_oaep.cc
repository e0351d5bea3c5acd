#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <bit>
#include <memory>
#include <string>

#include "crypto/algorithms.h"
#include "crypto/openssl_error.h"
#include "crypto/tpm_primitives.h"

namespace sealedge {
namespace {

constexpr size_t kMaxModulusBytes = 512;

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};

Result<std::unique_ptr<EVP_PKEY, Free>> load_key(std::span<const uint8_t> modulus, uint32_t exponent) {
  std::unique_ptr<EVP_PKEY_CTX, Free> context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1) return openssl_error("RSA key");
  // OSSL_PARAM integers are in native order.
  std::vector<uint8_t> n(modulus.begin(), modulus.end());
  if constexpr (std::endian::native == std::endian::little) std::reverse(n.begin(), n.end());
  OSSL_PARAM params[] = {OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n.data(), n.size()),
                         OSSL_PARAM_construct_uint32(OSSL_PKEY_PARAM_RSA_E, &exponent), OSSL_PARAM_construct_end()};
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params) != 1) return openssl_error("RSA key");
  return std::unique_ptr<EVP_PKEY, Free>(key);
}

}  // namespace

Result<std::vector<uint8_t>> rsa_oaep_encrypt(std::span<const uint8_t> modulus, uint32_t exponent, HashAlg alg,
                                              std::span<const uint8_t> label, std::span<const uint8_t> secret) {
  if (modulus.size() < 128 || modulus.size() > kMaxModulusBytes) {
    return Error{ErrorCode::kTpmResponse,
                 "RSA modulus: expected 128 to 512 bytes, got " + std::to_string(modulus.size())};
  }
  SEALEDGE_ASSIGN(const Algorithms* algs, algorithms());
  SEALEDGE_ASSIGN(const auto key, load_key(modulus, exponent == 0 ? 65537 : exponent));
  std::unique_ptr<EVP_PKEY_CTX, Free> context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  const EVP_MD* digest = algs->digest(alg);
  if (!context || EVP_PKEY_encrypt_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
      EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), digest) != 1 ||
      EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), digest) != 1) {
    return openssl_error("RSAES-OAEP");
  }
  if (!label.empty()) {
    void* owned = OPENSSL_memdup(label.data(), label.size());
    if (owned == nullptr) return openssl_error("RSAES-OAEP");
    if (EVP_PKEY_CTX_set0_rsa_oaep_label(context.get(), owned, static_cast<int>(label.size())) != 1) {
      OPENSSL_free(owned);
      return openssl_error("RSAES-OAEP");
    }
  }
  std::vector<uint8_t> out(modulus.size());
  size_t out_bytes = out.size();
  if (EVP_PKEY_encrypt(context.get(), out.data(), &out_bytes, secret.data(), secret.size()) != 1) {
    return openssl_error("RSAES-OAEP");
  }
  out.resize(out_bytes);
  return out;
}

}  // namespace sealedge
