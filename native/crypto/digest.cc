#include "crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/random.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "crypto/algorithms.h"
#include "crypto/openssl_error.h"

namespace sealedge {

size_t digest_size_bytes(HashAlg alg) {
  switch (alg) {
    case HashAlg::kSha1:
      return 20;
    case HashAlg::kSha256:
      return 32;
    case HashAlg::kSha384:
      return 48;
    case HashAlg::kSha512:
      return 64;
  }
  return 0;
}

struct Digest::Impl {
  EVP_MD_CTX* context;
  HashAlg alg;
  ~Impl() { EVP_MD_CTX_free(context); }
};

Digest::Digest(Impl* impl) : impl_(impl) {}
Digest::Digest(Digest&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}
Digest& Digest::operator=(Digest&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}
Digest::~Digest() { delete impl_; }

Result<Digest> Digest::create(HashAlg alg) {
  SEALEDGE_ASSIGN(const Algorithms* algs, algorithms());
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  if (context == nullptr) return openssl_error("digest");
  Digest digest(new Impl{context, alg});
  if (EVP_DigestInit_ex2(context, algs->digest(alg), nullptr) != 1) return openssl_error("digest");
  return digest;
}

Result<void> Digest::update(std::span<const uint8_t> data) {
  if (impl_ == nullptr) return Error{ErrorCode::kInternal, "digest: update after finish"};
  if (EVP_DigestUpdate(impl_->context, data.data(), data.size()) != 1) return openssl_error("digest");
  return {};
}

Result<void> Digest::finish(std::span<uint8_t> out) {
  if (impl_ == nullptr) return Error{ErrorCode::kInternal, "digest: finished twice"};
  if (out.size() != digest_size_bytes(impl_->alg)) return Error{ErrorCode::kInternal, "digest: wrong output size"};
  const bool done = EVP_DigestFinal_ex(impl_->context, out.data(), nullptr) == 1;
  delete std::exchange(impl_, nullptr);
  if (!done) return openssl_error("digest");
  return {};
}

Result<Sha256Digest> sha256(std::span<const uint8_t> data) {
  SEALEDGE_ASSIGN(Digest digest, Digest::create(HashAlg::kSha256));
  SEALEDGE_TRY(digest.update(data));
  Sha256Digest out;
  SEALEDGE_TRY(digest.finish(out));
  return out;
}

Result<void> hmac(HashAlg alg, std::span<const uint8_t> key, std::initializer_list<std::span<const uint8_t>> parts,
                  std::span<uint8_t> out) {
  if (out.size() != digest_size_bytes(alg)) return Error{ErrorCode::kInternal, "hmac: wrong output size"};
  SEALEDGE_ASSIGN(const Algorithms* algs, algorithms());
  EVP_MAC_CTX* context = EVP_MAC_CTX_dup(algs->hmac(alg));
  if (context == nullptr) return openssl_error("HMAC");
  // A null key would mean "the key of last time": an empty key needs an address.
  static constexpr uint8_t kEmpty = 0;
  bool ok = EVP_MAC_init(context, key.empty() ? &kEmpty : key.data(), key.size(), nullptr) == 1;
  for (std::span<const uint8_t> part : parts) ok = ok && EVP_MAC_update(context, part.data(), part.size()) == 1;
  size_t written = 0;
  ok = ok && EVP_MAC_final(context, out.data(), &written, out.size()) == 1;
  EVP_MAC_CTX_free(context);
  if (!ok) return openssl_error("HMAC");
  return {};
}

bool constant_time_equal(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Result<void> random_bytes(std::span<uint8_t> out) {
  for (size_t at = 0; at < out.size();) {
    // Up to 256 bytes come whole once the kernel's pool is ready (getrandom(2)); larger ones may be interrupted.
    const ssize_t got = getrandom(out.data() + at, out.size() - at, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Error{ErrorCode::kCryptoFailure, std::string("getrandom failed: ") + std::strerror(errno)};
    at += static_cast<size_t>(got);
  }
  return {};
}

}  // namespace sealedge
