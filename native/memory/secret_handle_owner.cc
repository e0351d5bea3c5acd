#include "memory/secret_handle_owner.h"

#include <atomic>
#include <string>

namespace sealedge {
namespace {

struct Owner {
  sealedge_secret_handle handle;  // first: the C side sees only this
  std::atomic<size_t> references;
  SecureBuffer secret;
};

Owner* owner_of(sealedge_secret_handle* handle) { return reinterpret_cast<Owner*>(handle); }

void retain_handle(sealedge_secret_handle* handle) {
  owner_of(handle)->references.fetch_add(1, std::memory_order_relaxed);
}

void release_handle(sealedge_secret_handle* handle) {
  Owner* owner = owner_of(handle);
  if (owner->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete owner;
}

Error invalid(const char* what) { return {ErrorCode::kKeyHandleInvalid, std::string("secret handle: ") + what}; }

}  // namespace

sealedge_secret_handle* make_secret_handle(SecureBuffer secret) {
  const uint8_t* data = secret.data();
  const size_t length_bytes = secret.size_bytes();
  auto* owner = new Owner{
      {SEALEDGE_SECRET_HANDLE_ABI, sizeof(sealedge_secret_handle), data, length_bytes, &retain_handle, &release_handle},
      1,
      std::move(secret)};
  return &owner->handle;
}

Result<void> check_secret_handle(const sealedge_secret_handle* handle) {
  if (handle == nullptr) return invalid("closed already");
  if (handle->abi != SEALEDGE_SECRET_HANDLE_ABI) {
    return Error{ErrorCode::kKeyHandleInvalid,
                 "secret handle: expected abi " + std::to_string(SEALEDGE_SECRET_HANDLE_ABI) + ", got " +
                     std::to_string(handle->abi),
                 {{"expected", std::to_string(SEALEDGE_SECRET_HANDLE_ABI)}, {"got", std::to_string(handle->abi)}}};
  }
  // Later versions may grow at the end; a shorter one lacks what we call.
  if (handle->size_bytes < sizeof(sealedge_secret_handle)) return invalid("shorter than this version needs");
  if (handle->retain == nullptr || handle->release == nullptr) return invalid("has no retain or release");
  if (handle->data == nullptr && handle->length_bytes != 0) return invalid("has no data");
  return {};
}

Result<SecretHandleRef> SecretHandleRef::retain(sealedge_secret_handle* handle) {
  SEALEDGE_TRY(check_secret_handle(handle));
  handle->retain(handle);
  return SecretHandleRef(handle);
}

std::span<const uint8_t> SecretHandleRef::bytes() const {
  if (handle_ == nullptr) return {};
  return {handle_->data, handle_->length_bytes};
}

void SecretHandleRef::reset() {
  if (handle_ != nullptr) handle_->release(std::exchange(handle_, nullptr));
}

}  // namespace sealedge
