#include "crypto/libcrypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "crypto/algorithms.h"
#include "crypto/openssl_error.h"
#include "memory/secret_region.h"

namespace sealedge {
namespace {

// Initialising and fetching touch about 390 KiB (OpenSSL makes an object for every algorithm of a kind when one is
// fetched), RSA-OAEP and ECDH with their random generator another 120. Reserved first, in one piece, so that libcrypto
// never finds half of what it needs: it does not survive every failed allocation during initialisation.
constexpr size_t kHeapReserveBytes = 576 * 1024;

void* allocate(size_t size_bytes, const char*, int) { return secret_malloc(size_bytes); }
void* reallocate(void* data, size_t size_bytes, const char*, int) { return secret_realloc(data, size_bytes); }
void release(void* data, const char*, int) { secret_free(data); }

EVP_MAC_CTX* keyless_hmac(EVP_MAC* mac, const char* digest) {
  EVP_MAC_CTX* context = EVP_MAC_CTX_new(mac);
  if (context == nullptr) return nullptr;
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(digest), 0),
                               OSSL_PARAM_construct_end()};
  if (EVP_MAC_CTX_set_params(context, params) == 1) return context;
  EVP_MAC_CTX_free(context);
  return nullptr;
}

struct Initialised {
  Result<void> outcome;
  Algorithms algorithms;
};

Initialised initialise() {
  Initialised made;
  made.outcome = secret_reserve(kHeapReserveBytes, "libcrypto");
  if (!made.outcome.ok()) return made;
  if (CRYPTO_set_mem_functions(&allocate, &reallocate, &release) != 1) {
    made.outcome = Error{ErrorCode::kCryptoFailure, "libcrypto allocated before its allocator could be replaced"};
    return made;
  }
  // No configuration file: it could load a module. No atexit: static objects may still free through libcrypto.
  if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, nullptr) != 1) {
    made.outcome = openssl_error("initialising libcrypto");
    return made;
  }
  Algorithms& a = made.algorithms;
  a.aes_256_gcm = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  a.aes_128_cfb = EVP_CIPHER_fetch(nullptr, "AES-128-CFB", nullptr);
  a.aes_256_cfb = EVP_CIPHER_fetch(nullptr, "AES-256-CFB", nullptr);
  a.sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  a.sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  a.sha384 = EVP_MD_fetch(nullptr, "SHA384", nullptr);
  a.sha512 = EVP_MD_fetch(nullptr, "SHA512", nullptr);
  if (EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr)) {
    a.hmac_sha1 = keyless_hmac(mac, "SHA1");
    a.hmac_sha256 = keyless_hmac(mac, "SHA256");
    a.hmac_sha384 = keyless_hmac(mac, "SHA384");
    a.hmac_sha512 = keyless_hmac(mac, "SHA512");
    EVP_MAC_free(mac);
  }
  const bool complete = a.aes_256_gcm && a.aes_128_cfb && a.aes_256_cfb && a.sha1 && a.sha256 && a.sha384 && a.sha512 &&
                        a.hmac_sha1 && a.hmac_sha256 && a.hmac_sha384 && a.hmac_sha512;
  if (!complete) made.outcome = openssl_error("fetching algorithms");
  return made;
}

// Kept for the life of the process, as libcrypto is.
const Initialised& initialised() {
  static const Initialised& once = *new Initialised(initialise());
  return once;
}

}  // namespace

Result<void> crypto_init() { return initialised().outcome; }
const char* libcrypto_version() { return OpenSSL_version(OPENSSL_VERSION); }

Result<const Algorithms*> algorithms() {
  SEALEDGE_TRY(crypto_init());
  return &initialised().algorithms;
}

EVP_MD* Algorithms::digest(HashAlg alg) const {
  switch (alg) {
    case HashAlg::kSha1:
      return sha1;
    case HashAlg::kSha256:
      return sha256;
    case HashAlg::kSha384:
      return sha384;
    case HashAlg::kSha512:
      return sha512;
  }
  return nullptr;
}

EVP_MAC_CTX* Algorithms::hmac(HashAlg alg) const {
  switch (alg) {
    case HashAlg::kSha1:
      return hmac_sha1;
    case HashAlg::kSha256:
      return hmac_sha256;
    case HashAlg::kSha384:
      return hmac_sha384;
    case HashAlg::kSha512:
      return hmac_sha512;
  }
  return nullptr;
}

Error openssl_error(const char* step) {
  const unsigned long first = ERR_get_error();
  ERR_clear_error();
  if (ERR_GET_REASON(first) == ERR_R_MALLOC_FAILURE) {
    return {ErrorCode::kMemoryExhausted, std::string(step) + ": libcrypto found no room in secret memory"};
  }
  const char* reason = ERR_reason_error_string(first);
  std::string message = std::string(step) + " failed";
  if (reason != nullptr) message += std::string(": ") + reason;
  return {ErrorCode::kCryptoFailure, std::move(message)};
}

}  // namespace sealedge
