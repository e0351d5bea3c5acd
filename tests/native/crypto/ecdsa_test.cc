#include "crypto/ecdsa.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "crypto/libcrypto.h"
#include "hex.h"

namespace sealedge {
namespace {

using testing::bytes_of;
using testing::from_hex;

// RFC 6979, A.2.5: key, and the signature over "sample" with SHA-256. Its s is the higher form.
const char kSpkiHeader[] = "3059301306072a8648ce3d020106082a8648ce3d03010703420004";
const char kX[] = "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6";
const char kY[] = "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
const char kR[] = "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716";
const char kS[] = "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";
const char kN[] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

std::vector<uint8_t> concat(std::initializer_list<const char*> parts) {
  std::string all;
  for (const char* part : parts) all += part;
  return from_hex(all);
}

std::vector<uint8_t> negate_s(const std::vector<uint8_t>& s) {
  BIGNUM* n = nullptr;
  BN_hex2bn(&n, kN);
  BIGNUM* value = BN_bin2bn(s.data(), static_cast<int>(s.size()), nullptr);
  BN_sub(value, n, value);
  std::vector<uint8_t> out(32);
  BN_bn2binpad(value, out.data(), 32);
  BN_free(value);
  BN_free(n);
  return out;
}

class Ecdsa : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(crypto_init().ok());
    spki_ = concat({kSpkiHeader, kX, kY});
    signature_ = from_hex(kR);
    const std::vector<uint8_t> low = negate_s(from_hex(kS));
    signature_.insert(signature_.end(), low.begin(), low.end());
  }

  std::string refusal(std::span<const uint8_t> spki, std::span<const uint8_t> signature) {
    const Result<void> result = ecdsa_p256_verify(spki, message_, signature);
    if (result.ok()) return "accepted";
    EXPECT_EQ(result.error().code, ErrorCode::kSignatureInvalid);
    return result.error().message;
  }

  std::vector<uint8_t> with(size_t offset, const char* hex) {
    std::vector<uint8_t> changed = signature_;
    const std::vector<uint8_t> bytes = from_hex(hex);
    std::copy(bytes.begin(), bytes.end(), changed.begin() + static_cast<ptrdiff_t>(offset));
    return changed;
  }

  std::vector<uint8_t> spki_;
  std::vector<uint8_t> signature_;
  std::vector<uint8_t> message_ = bytes_of("sample");
};

TEST_F(Ecdsa, AcceptsRfc6979InItsLowForm) { EXPECT_TRUE(ecdsa_p256_verify(spki_, message_, signature_).ok()); }

TEST_F(Ecdsa, RefusesTheHighForm) {
  EXPECT_EQ(refusal(spki_, concat({kR, kS})), "signature: s is not the lower of its two forms");
}

TEST_F(Ecdsa, RefusesScalarsOutOfRange) {
  const char zero[] = "0000000000000000000000000000000000000000000000000000000000000000";
  const char all_ones[] = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
  EXPECT_EQ(refusal(spki_, with(0, zero)), "signature: r is out of range");
  EXPECT_EQ(refusal(spki_, with(0, kN)), "signature: r is out of range");
  EXPECT_EQ(refusal(spki_, with(0, all_ones)), "signature: r is out of range");
  EXPECT_EQ(refusal(spki_, with(32, zero)), "signature: s is out of range");
  EXPECT_EQ(refusal(spki_, with(32, kN)), "signature: s is out of range");
  EXPECT_EQ(refusal(spki_, with(32, all_ones)), "signature: s is out of range");
  // floor(n / 2) is the largest low s, one more the smallest high one.
  EXPECT_EQ(refusal(spki_, with(32, "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8")),
            "signature: does not verify");
  EXPECT_EQ(refusal(spki_, with(32, "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a9")),
            "signature: s is not the lower of its two forms");
  EXPECT_EQ(refusal(spki_, with(0, "0000000000000000000000000000000000000000000000000000000000000001")),
            "signature: does not verify");
}

TEST_F(Ecdsa, RefusesEveryFlippedByte) {
  for (size_t i = 0; i < signature_.size(); ++i) {
    std::vector<uint8_t> changed = signature_;
    changed[i] ^= 1;
    EXPECT_NE(refusal(spki_, changed), "accepted") << i;
  }
  for (size_t i = 0; i < spki_.size(); ++i) {
    std::vector<uint8_t> changed = spki_;
    changed[i] ^= 1;
    EXPECT_NE(refusal(changed, signature_), "accepted") << i;
  }
  message_[0] ^= 1;
  EXPECT_EQ(refusal(spki_, signature_), "signature: does not verify");
}

TEST_F(Ecdsa, RefusesOtherSizesAndKeys) {
  EXPECT_EQ(refusal(spki_, std::span(signature_).first(63)), "signature: expected 64 bytes, got 63");
  EXPECT_EQ(refusal(spki_, {}), "signature: expected 64 bytes, got 0");
  const std::string wrong_spki =
      "signature: the public key is not an uncompressed P-256 SubjectPublicKeyInfo of 91 bytes";
  EXPECT_EQ(refusal(std::span(spki_).first(90), signature_), wrong_spki);
  EXPECT_EQ(refusal({}, signature_), wrong_spki);
  // The same point, compressed; the same point, hybrid form; secp256k1's OID.
  EXPECT_EQ(refusal(concat({"3039301306072a8648ce3d020106082a8648ce3d030107032200", "03", kX}), signature_),
            wrong_spki);
  std::vector<uint8_t> hybrid = spki_;
  hybrid[26] = 0x07;
  EXPECT_EQ(refusal(hybrid, signature_), wrong_spki);
  EXPECT_EQ(refusal(concat({"3056301006072a8648ce3d020106052b8104000a03420004", kX, kY}), signature_), wrong_spki);
  // Not on the curve; the point at infinity written as (0, 0); x >= p.
  const std::string wrong_point = "signature: the public key is not a point of P-256";
  EXPECT_EQ(refusal(concat({kSpkiHeader, kX, kX}), signature_), wrong_point);
  EXPECT_EQ(refusal(concat({kSpkiHeader, std::string(128, '0').c_str()}), signature_), wrong_point);
  EXPECT_EQ(refusal(concat({kSpkiHeader, std::string(64, 'f').c_str(), kY}), signature_), wrong_point);
}

// Every leading-byte case of the DER integers inside: many fresh signatures, in both forms.
TEST_F(Ecdsa, AgreesWithTheSigner) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  ASSERT_NE(key, nullptr);
  uint8_t* der = nullptr;
  const int der_bytes = i2d_PUBKEY(key, &der);
  const std::vector<uint8_t> spki(der, der + der_bytes);
  OPENSSL_free(der);
  for (int round = 0; round < 600; ++round) {
    message_.assign(static_cast<size_t>(round), static_cast<uint8_t>(round));
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    uint8_t encoded[80];
    size_t encoded_bytes = sizeof(encoded);
    ASSERT_EQ(EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key), 1);
    ASSERT_EQ(EVP_DigestSign(context, encoded, &encoded_bytes, message_.data(), message_.size()), 1);
    EVP_MD_CTX_free(context);
    const uint8_t* cursor = encoded;
    ECDSA_SIG* parsed = d2i_ECDSA_SIG(nullptr, &cursor, static_cast<long>(encoded_bytes));
    std::vector<uint8_t> r(32), s(32);
    BN_bn2binpad(ECDSA_SIG_get0_r(parsed), r.data(), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(parsed), s.data(), 32);
    ECDSA_SIG_free(parsed);
    std::vector<uint8_t> as_signed = r, negated = r;
    as_signed.insert(as_signed.end(), s.begin(), s.end());
    s = negate_s(s);
    negated.insert(negated.end(), s.begin(), s.end());
    const bool signed_ok = ecdsa_p256_verify(spki, message_, as_signed).ok();
    const bool negated_ok = ecdsa_p256_verify(spki, message_, negated).ok();
    EXPECT_NE(signed_ok, negated_ok) << "exactly one of s and n - s is low";
  }
  EVP_PKEY_free(key);
}

}  // namespace
}  // namespace sealedge
