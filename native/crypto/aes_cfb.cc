#include <openssl/evp.h>

#include <string>

#include "crypto/algorithms.h"
#include "crypto/openssl_error.h"
#include "crypto/tpm_primitives.h"

namespace sealedge {
namespace {

Result<void> aes_cfb(std::span<const uint8_t> key, std::span<const uint8_t> iv, std::span<uint8_t> data, bool encrypt) {
  if (key.size() != 16 && key.size() != 32) {
    return Error{ErrorCode::kInternal, "AES-CFB: expected a key of 16 or 32 bytes, got " + std::to_string(key.size())};
  }
  if (iv.size() != 16) {
    return Error{ErrorCode::kInternal, "AES-CFB: expected an iv of 16 bytes, got " + std::to_string(iv.size())};
  }
  if (data.size() > size_t{1} << 20) return Error{ErrorCode::kInternal, "AES-CFB: more than a TPM parameter"};
  SEALEDGE_ASSIGN(const Algorithms* algs, algorithms());
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  int written = 0;
  const bool done = context != nullptr &&
                    EVP_CipherInit_ex2(context, key.size() == 16 ? algs->aes_128_cfb : algs->aes_256_cfb, key.data(),
                                       iv.data(), encrypt ? 1 : 0, nullptr) == 1 &&
                    (data.empty() ||
                     EVP_CipherUpdate(context, data.data(), &written, data.data(), static_cast<int>(data.size())) == 1);
  EVP_CIPHER_CTX_free(context);
  if (!done) return openssl_error("AES-CFB");
  return {};
}

}  // namespace

Result<void> aes_cfb_encrypt(std::span<const uint8_t> key, std::span<const uint8_t> iv, std::span<uint8_t> data) {
  return aes_cfb(key, iv, data, true);
}

Result<void> aes_cfb_decrypt(std::span<const uint8_t> key, std::span<const uint8_t> iv, std::span<uint8_t> data) {
  return aes_cfb(key, iv, data, false);
}

}  // namespace sealedge
