// The owning side of memory/secret_handle.h: gives a SecureBuffer away as a reference-counted handle.
#pragma once

#include <span>
#include <utility>

#include "core/result.h"
#include "memory/secret_handle.h"
#include "memory/secure_buffer.h"

namespace sealedge {

// A handle with one reference, which the caller drops with handle->release(handle). The last release wipes.
sealedge_secret_handle* make_secret_handle(SecureBuffer secret);

// What every receiver of a foreign handle does first. kKeyHandleInvalid when abi, size or contents do not fit.
Result<void> check_secret_handle(const sealedge_secret_handle* handle);

// Holds one reference of a checked handle.
class SecretHandleRef {
 public:
  SecretHandleRef() = default;
  static Result<SecretHandleRef> retain(sealedge_secret_handle* handle);
  // Takes over a reference that the caller holds already.
  static SecretHandleRef adopt(sealedge_secret_handle* handle) { return SecretHandleRef(handle); }
  ~SecretHandleRef() { reset(); }
  SecretHandleRef(SecretHandleRef&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  SecretHandleRef& operator=(SecretHandleRef&& other) noexcept {
    if (this != &other) {
      reset();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  SecretHandleRef(const SecretHandleRef&) = delete;
  SecretHandleRef& operator=(const SecretHandleRef&) = delete;

  std::span<const uint8_t> bytes() const;
  explicit operator bool() const { return handle_ != nullptr; }
  void reset();

 private:
  explicit SecretHandleRef(sealedge_secret_handle* handle) : handle_(handle) {}
  sealedge_secret_handle* handle_ = nullptr;
};

}  // namespace sealedge
