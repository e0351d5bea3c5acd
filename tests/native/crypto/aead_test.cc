#include "crypto/aead.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "crypto/digest.h"
#include "hex.h"

namespace sealedge {
namespace {

using testing::from_hex;
using testing::to_hex;
using Key = std::span<const uint8_t, kAeadKeyBytes>;
using Tag = std::array<uint8_t, kAeadTagBytes>;

struct Sealed {
  std::vector<uint8_t> ciphertext;
  Tag tag;
};

Sealed seal(std::span<const uint8_t> key, std::span<const uint8_t> aad, std::span<const uint8_t> plaintext,
            size_t step) {
  Sealed sealed{std::vector<uint8_t>(plaintext.size()), {}};
  Result<GcmSealer> sealer = GcmSealer::create(Key(key), aad);
  EXPECT_TRUE(sealer.ok());
  for (size_t at = 0; at < plaintext.size(); at += step) {
    const size_t part = std::min(step, plaintext.size() - at);
    EXPECT_TRUE(sealer->update(plaintext.subspan(at, part), std::span(sealed.ciphertext).subspan(at, part)).ok());
  }
  EXPECT_TRUE(sealer->finish(sealed.tag).ok());
  return sealed;
}

Result<void> open(std::span<const uint8_t> key, std::span<const uint8_t> aad, const Sealed& sealed,
                  std::vector<uint8_t>* plaintext) {
  plaintext->assign(sealed.ciphertext.size(), 0);
  SEALEDGE_ASSIGN(GcmOpener opener, GcmOpener::create(Key(key), aad));
  SEALEDGE_TRY(opener.update(sealed.ciphertext, *plaintext));
  return opener.finish(sealed.tag);
}

// The GCM specification (McGrew and Viega), test cases 13 and 14: AES-256, zero key, zero nonce.
TEST(Gcm, KnownAnswersUnderZeroNonce) {
  const std::vector<uint8_t> key(32);
  const Sealed empty = seal(key, {}, {}, 1);
  EXPECT_EQ(to_hex(empty.tag), "530f8afbc74536b9a963b4f1c4cb738b");
  const Sealed one_block = seal(key, {}, std::vector<uint8_t>(16), 16);
  EXPECT_EQ(to_hex(one_block.ciphertext), "cea7403d4d606b6e074ec5d3baf39d18");
  EXPECT_EQ(to_hex(one_block.tag), "d0d1c8a799996bf0265b98b5d48ab919");
}

TEST(Gcm, SplitsDoNotChangeTheResult) {
  std::vector<uint8_t> key(32, 7), aad(21, 9), plaintext(5000);
  for (size_t i = 0; i < plaintext.size(); ++i) plaintext[i] = static_cast<uint8_t>(i * 31);
  const Sealed whole = seal(key, aad, plaintext, plaintext.size());
  for (size_t step : {1, 15, 16, 17, 4096}) {
    const Sealed parts = seal(key, aad, plaintext, step);
    EXPECT_EQ(parts.ciphertext, whole.ciphertext) << step;
    EXPECT_EQ(parts.tag, whole.tag) << step;
  }
  std::vector<uint8_t> opened;
  ASSERT_TRUE(open(key, aad, whole, &opened).ok());
  EXPECT_EQ(opened, plaintext);
}

TEST(Gcm, WorksInPlace) {
  std::vector<uint8_t> key(32, 7), data(100, 0x42);
  const Sealed apart = seal(key, {}, data, 100);
  Result<GcmSealer> sealer = GcmSealer::create(Key(key), {});
  ASSERT_TRUE(sealer.ok());
  Tag tag;
  ASSERT_TRUE(sealer->update(data, data).ok());
  ASSERT_TRUE(sealer->finish(tag).ok());
  EXPECT_EQ(data, apart.ciphertext);
  EXPECT_EQ(tag, apart.tag);
}

TEST(Gcm, RefusesEveryFlippedBit) {
  const std::vector<uint8_t> key(32, 1), aad = {1, 2, 3};
  const Sealed good = seal(key, aad, std::vector<uint8_t>(33, 0x55), 33);
  std::vector<uint8_t> opened;
  for (size_t bit = 0; bit < good.ciphertext.size() * 8; ++bit) {
    Sealed bad = good;
    bad.ciphertext[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_EQ(open(key, aad, bad, &opened).error().code, ErrorCode::kSegmentAuth);
  }
  for (size_t bit = 0; bit < 128; ++bit) {
    Sealed bad = good;
    bad.tag[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_EQ(open(key, aad, bad, &opened).error().code, ErrorCode::kSegmentAuth);
  }
  std::vector<uint8_t> other_key = key;
  other_key[31] ^= 0x80;
  EXPECT_EQ(open(other_key, aad, good, &opened).error().code, ErrorCode::kSegmentAuth);
  EXPECT_EQ(open(key, std::vector<uint8_t>{1, 2}, good, &opened).error().code, ErrorCode::kSegmentAuth);
  EXPECT_TRUE(open(key, aad, good, &opened).ok());
}

TEST(Gcm, IsEmptyAfterFinish) {
  const std::vector<uint8_t> key(32);
  std::vector<uint8_t> data(16);
  Result<GcmSealer> sealer = GcmSealer::create(Key(key), {});
  ASSERT_TRUE(sealer.ok());
  Tag tag;
  EXPECT_EQ(sealer->update(data, std::span(data).first(8)).error().code, ErrorCode::kInternal);
  EXPECT_TRUE(sealer->finish(tag).ok());
  EXPECT_FALSE(sealer->finish(tag).ok());
  EXPECT_FALSE(sealer->update(data, data).ok());
  GcmSealer moved = std::move(*sealer);
  EXPECT_FALSE(moved.finish(tag).ok());
}

}  // namespace
}  // namespace sealedge
