#include "crypto/aead.h"

#include <openssl/evp.h>

#include <algorithm>
#include <utility>

#include "crypto/algorithms.h"
#include "crypto/openssl_error.h"

namespace sealedge {
namespace {

// SP 800-38D, 5.2.1.1: at most 2^39 - 256 bits of plaintext under one nonce.
constexpr uint64_t kMaxMessageBytes = (uint64_t{1} << 36) - 32;
constexpr size_t kMaxUpdateBytes = size_t{1} << 30;  // EVP counts in int
// One message per key (design decision 7), so the nonce need not vary.
constexpr uint8_t kZeroNonce[12] = {};

// Both directions; EVP keeps which one.
class Gcm {
 public:
  static Result<EVP_CIPHER_CTX*> begin(std::span<const uint8_t, kAeadKeyBytes> key, std::span<const uint8_t> aad,
                                       bool encrypt) {
    SEALEDGE_ASSIGN(const Algorithms* algs, algorithms());
    EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
    if (context == nullptr) return openssl_error("AES-256-GCM");
    int ignored = 0;
    const bool started =
        EVP_CipherInit_ex2(context, algs->aes_256_gcm, key.data(), kZeroNonce, encrypt ? 1 : 0, nullptr) == 1 &&
        aad.size() <= kMaxUpdateBytes &&
        (aad.empty() || EVP_CipherUpdate(context, nullptr, &ignored, aad.data(), static_cast<int>(aad.size())) == 1);
    if (started) return context;
    EVP_CIPHER_CTX_free(context);
    return openssl_error("AES-256-GCM");
  }

  static Result<void> update(EVP_CIPHER_CTX* context, uint64_t* total_bytes, std::span<const uint8_t> in,
                             std::span<uint8_t> out) {
    if (context == nullptr) return Error{ErrorCode::kInternal, "AES-256-GCM: update after finish"};
    if (in.size() != out.size()) return Error{ErrorCode::kInternal, "AES-256-GCM: in and out differ in size"};
    if (in.size() > kMaxMessageBytes - *total_bytes) {
      return Error{ErrorCode::kLimitExceeded, "AES-256-GCM: a message is limited to 2^36 - 32 bytes"};
    }
    for (size_t at = 0; at < in.size();) {
      const size_t part = std::min(in.size() - at, kMaxUpdateBytes);
      int written = 0;
      if (EVP_CipherUpdate(context, out.data() + at, &written, in.data() + at, static_cast<int>(part)) != 1) {
        return openssl_error("AES-256-GCM");
      }
      at += part;
    }
    *total_bytes += in.size();
    return {};
  }
};

}  // namespace

struct GcmSealer::Impl {
  EVP_CIPHER_CTX* context;
  uint64_t total_bytes = 0;
  ~Impl() { EVP_CIPHER_CTX_free(context); }
};

GcmSealer::GcmSealer(Impl* impl) : impl_(impl) {}
GcmSealer::GcmSealer(GcmSealer&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}
GcmSealer& GcmSealer::operator=(GcmSealer&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}
GcmSealer::~GcmSealer() { delete impl_; }

Result<GcmSealer> GcmSealer::create(std::span<const uint8_t, kAeadKeyBytes> key, std::span<const uint8_t> aad) {
  SEALEDGE_ASSIGN(EVP_CIPHER_CTX * context, Gcm::begin(key, aad, true));
  return GcmSealer(new Impl{context});
}

Result<void> GcmSealer::update(std::span<const uint8_t> in, std::span<uint8_t> out) {
  return Gcm::update(impl_ == nullptr ? nullptr : impl_->context, impl_ == nullptr ? nullptr : &impl_->total_bytes, in,
                     out);
}

Result<void> GcmSealer::finish(std::span<uint8_t, kAeadTagBytes> tag) {
  if (impl_ == nullptr) return Error{ErrorCode::kInternal, "AES-256-GCM: finished twice"};
  uint8_t no_output[16];
  int written = 0;
  const bool done = EVP_CipherFinal_ex(impl_->context, no_output, &written) == 1 &&
                    EVP_CIPHER_CTX_ctrl(impl_->context, EVP_CTRL_AEAD_GET_TAG, kAeadTagBytes, tag.data()) == 1;
  delete std::exchange(impl_, nullptr);
  if (!done) return openssl_error("AES-256-GCM");
  return {};
}

struct GcmOpener::Impl {
  EVP_CIPHER_CTX* context;
  uint64_t total_bytes = 0;
  ~Impl() { EVP_CIPHER_CTX_free(context); }
};

GcmOpener::GcmOpener(Impl* impl) : impl_(impl) {}
GcmOpener::GcmOpener(GcmOpener&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}
GcmOpener& GcmOpener::operator=(GcmOpener&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}
GcmOpener::~GcmOpener() { delete impl_; }

Result<GcmOpener> GcmOpener::create(std::span<const uint8_t, kAeadKeyBytes> key, std::span<const uint8_t> aad) {
  SEALEDGE_ASSIGN(EVP_CIPHER_CTX * context, Gcm::begin(key, aad, false));
  return GcmOpener(new Impl{context});
}

Result<void> GcmOpener::update(std::span<const uint8_t> in, std::span<uint8_t> out) {
  return Gcm::update(impl_ == nullptr ? nullptr : impl_->context, impl_ == nullptr ? nullptr : &impl_->total_bytes, in,
                     out);
}

Result<void> GcmOpener::finish(std::span<const uint8_t, kAeadTagBytes> expected_tag) {
  if (impl_ == nullptr) return Error{ErrorCode::kInternal, "AES-256-GCM: finished twice"};
  uint8_t no_output[16];
  int written = 0;
  const bool tag_set = EVP_CIPHER_CTX_ctrl(impl_->context, EVP_CTRL_AEAD_SET_TAG, kAeadTagBytes,
                                           const_cast<uint8_t*>(expected_tag.data())) == 1;
  const bool verified = tag_set && EVP_CipherFinal_ex(impl_->context, no_output, &written) == 1;
  delete std::exchange(impl_, nullptr);
  if (!tag_set) return openssl_error("AES-256-GCM");
  if (!verified)
    return Error{ErrorCode::kSegmentAuth, "the authentication tag does not match: the data or its key is wrong"};
  return {};
}

}  // namespace sealedge
