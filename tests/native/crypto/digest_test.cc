#include "crypto/digest.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "hex.h"

namespace sealedge {
namespace {

using testing::bytes_of;
using testing::from_hex;
using testing::to_hex;

std::string digest_of(HashAlg alg, std::span<const uint8_t> data, size_t step) {
  Result<Digest> digest = Digest::create(alg);
  EXPECT_TRUE(digest.ok());
  for (size_t at = 0; at < data.size(); at += step) {
    EXPECT_TRUE(digest->update(data.subspan(at, std::min(step, data.size() - at))).ok());
  }
  std::vector<uint8_t> out(digest_size_bytes(alg));
  EXPECT_TRUE(digest->finish(out).ok());
  return to_hex(out);
}

// FIPS 180-4 example messages.
TEST(Digest, KnownAnswers) {
  const std::vector<uint8_t> abc = bytes_of("abc");
  EXPECT_EQ(digest_of(HashAlg::kSha1, abc, 1), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(digest_of(HashAlg::kSha256, abc, 3), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest_of(HashAlg::kSha384, abc, 2),
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
  EXPECT_EQ(digest_of(HashAlg::kSha512, abc, 3),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
  const std::vector<uint8_t> million_a(1000000, 'a');
  EXPECT_EQ(digest_of(HashAlg::kSha256, million_a, 4099),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_EQ(to_hex(*sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Digest, IsEmptyAfterFinish) {
  Result<Digest> digest = Digest::create(HashAlg::kSha256);
  ASSERT_TRUE(digest.ok());
  std::vector<uint8_t> out(32);
  EXPECT_EQ(digest->finish(std::span(out).first(31)).error().code, ErrorCode::kInternal);
  EXPECT_TRUE(digest->finish(out).ok());
  EXPECT_FALSE(digest->finish(out).ok());
  EXPECT_FALSE(digest->update(out).ok());
}

struct HmacCase {
  const char* key;
  const char* data;
  const char* sha256;
  const char* sha512;
};

// RFC 4231, test cases 1-4, 6 and 7 (5 is a truncation).
const HmacCase kRfc4231[] = {
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
     "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
     "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"},
    {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
     "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
     "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
     "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39"
     "bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb"},
    {"0102030405060708090a0b0c0d0e0f10111213141516171819",
     "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
     "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
     "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db"
     "a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd"},
};

TEST(Hmac, Rfc4231) {
  for (const HmacCase& test : kRfc4231) {
    const std::vector<uint8_t> key = from_hex(test.key);
    const std::vector<uint8_t> data = from_hex(test.data);
    std::vector<uint8_t> out(32);
    ASSERT_TRUE(hmac(HashAlg::kSha256, key, {data}, out).ok());
    EXPECT_EQ(to_hex(out), test.sha256);
    out.resize(64);
    const std::span<const uint8_t> whole = data;
    ASSERT_TRUE(hmac(HashAlg::kSha512, key, {whole.first(3), {}, whole.subspan(3)}, out).ok());
    EXPECT_EQ(to_hex(out), test.sha512);
  }
  // Case 6: a key longer than the block.
  const std::vector<uint8_t> long_key(131, 0xaa);
  std::vector<uint8_t> out(32);
  ASSERT_TRUE(
      hmac(HashAlg::kSha256, long_key, {bytes_of("Test Using Larger Than Block-Size Key - Hash Key First")}, out).ok());
  EXPECT_EQ(to_hex(out), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hmac, EmptyKeyIsAKey) {
  std::vector<uint8_t> out(32);
  ASSERT_TRUE(hmac(HashAlg::kSha256, {}, {}, out).ok());
  EXPECT_EQ(to_hex(out), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
  EXPECT_EQ(hmac(HashAlg::kSha256, {}, {}, std::span(out).first(20)).error().code, ErrorCode::kInternal);
}

// RFC 5869, appendix A.1 to A.3.
TEST(Hkdf, Rfc5869) {
  std::vector<uint8_t> okm(42);
  const std::vector<uint8_t> ikm(22, 0x0b);
  ASSERT_TRUE(hkdf_sha256(ikm, from_hex("000102030405060708090a0b0c"), from_hex("f0f1f2f3f4f5f6f7f8f9"), okm).ok());
  EXPECT_EQ(to_hex(okm), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");

  std::vector<uint8_t> long_ikm(80), long_salt(80), long_info(80);
  for (uint8_t i = 0; i < 80; ++i) {
    long_ikm[i] = i;
    long_salt[i] = static_cast<uint8_t>(0x60 + i);
    long_info[i] = static_cast<uint8_t>(0xb0 + i);
  }
  okm.resize(82);
  ASSERT_TRUE(hkdf_sha256(long_ikm, long_salt, long_info, okm).ok());
  EXPECT_EQ(to_hex(okm),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
            "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");

  okm.resize(42);
  ASSERT_TRUE(hkdf_sha256(ikm, {}, {}, okm).ok());
  EXPECT_EQ(to_hex(okm), "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(Hkdf, RefusesMoreThan255Blocks) {
  std::vector<uint8_t> okm(255 * 32);
  EXPECT_TRUE(hkdf_sha256({}, {}, {}, okm).ok());
  okm.push_back(0);
  EXPECT_FALSE(hkdf_sha256({}, {}, {}, okm).ok());
}

TEST(ConstantTimeEqual, ComparesSizeAndBytes) {
  const std::vector<uint8_t> a = {1, 2, 3};
  EXPECT_TRUE(constant_time_equal(a, std::vector<uint8_t>{1, 2, 3}));
  EXPECT_FALSE(constant_time_equal(a, std::vector<uint8_t>{1, 2, 4}));
  EXPECT_FALSE(constant_time_equal(a, std::vector<uint8_t>{1, 2}));
  EXPECT_TRUE(constant_time_equal({}, {}));
}

TEST(RandomBytes, FillsLargeBuffers) {
  std::vector<uint8_t> a(100000), b(100000);
  ASSERT_TRUE(random_bytes(a).ok());
  ASSERT_TRUE(random_bytes(b).ok());
  EXPECT_NE(a, b);
  EXPECT_NE(std::vector<uint8_t>(a.end() - 32, a.end()), std::vector<uint8_t>(32));
}

}  // namespace
}  // namespace sealedge
