#include "memory/secret_handle_owner.h"

#include <gtest/gtest.h>

#include <cstring>

namespace sealedge {
namespace {

sealedge_secret_handle* make(const char* text) {
  Result<SecureBuffer> secret = SecureBuffer::allocate(std::strlen(text), "test");
  EXPECT_TRUE(secret.ok());
  std::memcpy(secret->data(), text, secret->size_bytes());
  return make_secret_handle(std::move(*secret));
}

TEST(SecretHandle, LivesUntilItsLastReference) {
  sealedge_secret_handle* handle = make("a content key");
  Result<SecretHandleRef> kept = SecretHandleRef::retain(handle);
  ASSERT_TRUE(kept.ok());
  handle->release(handle);
  EXPECT_EQ(std::string(kept->bytes().begin(), kept->bytes().end()), "a content key");
  const uint8_t* data = kept->bytes().data();
  kept->reset();
  EXPECT_NE(*data, 'a') << "wiped";
  EXPECT_TRUE(kept->bytes().empty());
}

TEST(SecretHandle, ForeignOnesAreChecked) {
  sealedge_secret_handle* handle = make("key");
  const auto refused = [&](auto change) {
    sealedge_secret_handle foreign = *handle;
    change(&foreign);
    const Result<SecretHandleRef> kept = SecretHandleRef::retain(&foreign);
    return !kept.ok() && kept.error().code == ErrorCode::kKeyHandleInvalid;
  };
  EXPECT_TRUE(refused([](auto* h) { h->abi = 2; }));
  EXPECT_TRUE(refused([](auto* h) { h->size_bytes = sizeof(*h) - 1; }));
  EXPECT_TRUE(refused([](auto* h) { h->retain = nullptr; }));
  EXPECT_TRUE(refused([](auto* h) { h->release = nullptr; }));
  EXPECT_TRUE(refused([](auto* h) { h->data = nullptr; }));
  EXPECT_EQ(check_secret_handle(nullptr).error().code, ErrorCode::kKeyHandleInvalid);
  sealedge_secret_handle grown = *handle;
  grown.size_bytes += 8;
  EXPECT_TRUE(check_secret_handle(&grown).ok()) << "later versions grow at the end";
  handle->release(handle);
}

}  // namespace
}  // namespace sealedge
