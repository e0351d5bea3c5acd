#include "crypto/tpm_primitives.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include "crypto/libcrypto.h"
#include "hex.h"

namespace sealedge {
namespace {

using testing::bytes_of;
using testing::from_hex;
using testing::to_hex;
using Bytes = std::vector<uint8_t>;

const char kLabelSecretZero[] = "SECRET";  // sizeof counts its zero

void append(Bytes* out, std::span<const uint8_t> more) { out->insert(out->end(), more.begin(), more.end()); }
Bytes be32(uint32_t v) {
  return {static_cast<uint8_t>(v >> 24), static_cast<uint8_t>(v >> 16), static_cast<uint8_t>(v >> 8),
          static_cast<uint8_t>(v)};
}

// The formula of Part 1, 11.4.10.2, written out over whole messages and one-shot HMAC.
Bytes kdfa_formula(const EVP_MD* md, const Bytes& key, const std::string& label, const Bytes& u, const Bytes& v,
                   size_t out_bytes) {
  Bytes out;
  for (uint32_t i = 1; out.size() < out_bytes; ++i) {
    Bytes message = be32(i);
    append(&message, bytes_of(label));
    message.push_back(0);
    append(&message, u);
    append(&message, v);
    append(&message, be32(static_cast<uint32_t>(out_bytes) * 8));
    uint8_t block[EVP_MAX_MD_SIZE];
    unsigned block_bytes = 0;
    HMAC(md, key.data(), static_cast<int>(key.size()), message.data(), message.size(), block, &block_bytes);
    append(&out, {block, block_bytes});
  }
  out.resize(out_bytes);
  return out;
}

class TpmPrimitives : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(crypto_init().ok()); }
};

TEST_F(TpmPrimitives, KdfaIsItsFormula) {
  const Bytes key = bytes_of("a session value of some length"), u = bytes_of("nonceTPM"), v = bytes_of("nonceCaller");
  for (size_t out_bytes : {1, 16, 20, 31, 32, 33, 48, 64, 65, 200}) {
    Bytes out(out_bytes);
    ASSERT_TRUE(kdfa(HashAlg::kSha256, key, "CFB", u, v, out).ok());
    EXPECT_EQ(out, kdfa_formula(EVP_sha256(), key, "CFB", u, v, out_bytes)) << out_bytes;
    ASSERT_TRUE(kdfa(HashAlg::kSha1, key, "STORAGE", u, {}, out).ok());
    EXPECT_EQ(out, kdfa_formula(EVP_sha1(), key, "STORAGE", u, {}, out_bytes)) << out_bytes;
    ASSERT_TRUE(kdfa(HashAlg::kSha384, key, "INTEGRITY", {}, {}, out).ok());
    EXPECT_EQ(out, kdfa_formula(EVP_sha384(), key, "INTEGRITY", {}, {}, out_bytes)) << out_bytes;
  }
}

TEST_F(TpmPrimitives, KdfaDependsOnTheRequestedSize) {
  const Bytes key(32, 1);
  Bytes shorter(16), longer(32);
  ASSERT_TRUE(kdfa(HashAlg::kSha256, key, "CFB", {}, {}, shorter).ok());
  ASSERT_TRUE(kdfa(HashAlg::kSha256, key, "CFB", {}, {}, longer).ok());
  EXPECT_NE(shorter, Bytes(longer.begin(), longer.begin() + 16));
}

TEST_F(TpmPrimitives, KdfeIsItsFormula) {
  const Bytes z(32, 0x5a), u(32, 1), v(32, 2);
  for (size_t out_bytes : {1, 32, 48, 64, 70}) {
    Bytes expected;
    for (uint32_t i = 1; expected.size() < out_bytes; ++i) {
      Bytes message = be32(i);
      append(&message, z);
      append(&message, bytes_of("SECRET"));
      message.push_back(0);
      append(&message, u);
      append(&message, v);
      uint8_t block[32];
      SHA256(message.data(), message.size(), block);
      append(&expected, block);
    }
    expected.resize(out_bytes);
    Bytes out(out_bytes);
    ASSERT_TRUE(kdfe(HashAlg::kSha256, z, "SECRET", u, v, out).ok());
    EXPECT_EQ(out, expected) << out_bytes;
  }
}

// SP 800-38A, F.3.13 and F.3.17: CFB128 with AES-128 and AES-256.
TEST_F(TpmPrimitives, AesCfbKnownAnswers) {
  const Bytes iv = from_hex("000102030405060708090a0b0c0d0e0f");
  const Bytes plaintext = from_hex(
      "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
      "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
  const struct {
    const char* key;
    const char* ciphertext;
  } cases[] = {{"2b7e151628aed2a6abf7158809cf4f3c",
                "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b"
                "26751f67a3cbb140b1808cf187a4f4dfc04b05357c5d1c0eeac4c66f9ff7f2e6"},
               {"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
                "dc7e84bfda79164b7ecd8486985d386039ffed143b28b1c832113c6331e5407b"
                "df10132415e54b92a13ed0a8267ae2f975a385741ab9cef82031623d55b1e471"}};
  for (const auto& test : cases) {
    Bytes data = plaintext;
    ASSERT_TRUE(aes_cfb_encrypt(from_hex(test.key), iv, data).ok());
    EXPECT_EQ(to_hex(data), test.ciphertext);
    ASSERT_TRUE(aes_cfb_decrypt(from_hex(test.key), iv, data).ok());
    EXPECT_EQ(data, plaintext);
    // A TPM parameter is not a multiple of the block.
    Bytes odd(plaintext.begin(), plaintext.begin() + 37);
    ASSERT_TRUE(aes_cfb_encrypt(from_hex(test.key), iv, odd).ok());
    EXPECT_EQ(to_hex(odd), std::string(test.ciphertext).substr(0, 74));
  }
  Bytes nothing;
  EXPECT_TRUE(aes_cfb_encrypt(Bytes(16), iv, nothing).ok());
  EXPECT_FALSE(aes_cfb_encrypt(Bytes(24), iv, nothing).ok());
  EXPECT_FALSE(aes_cfb_encrypt(Bytes(16), Bytes(12), nothing).ok());
}

Bytes oaep_decrypt(EVP_PKEY* key, const EVP_MD* md, std::span<const uint8_t> label, const Bytes& ciphertext) {
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr);
  EXPECT_EQ(EVP_PKEY_decrypt_init(context), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_rsa_oaep_md(context, md), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_rsa_mgf1_md(context, md), 1);
  if (!label.empty()) {
    EXPECT_EQ(EVP_PKEY_CTX_set0_rsa_oaep_label(context, OPENSSL_memdup(label.data(), label.size()),
                                               static_cast<int>(label.size())),
              1);
  }
  Bytes out(512);
  size_t out_bytes = out.size();
  if (EVP_PKEY_decrypt(context, out.data(), &out_bytes, ciphertext.data(), ciphertext.size()) != 1) out_bytes = 0;
  EVP_PKEY_CTX_free(context);
  out.resize(out_bytes);
  return out;
}

TEST_F(TpmPrimitives, RsaOaepIsReadByTheKeyHolder) {
  EVP_PKEY* key = EVP_RSA_gen(2048);
  ASSERT_NE(key, nullptr);
  BIGNUM* n = nullptr;
  ASSERT_EQ(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n), 1);
  Bytes modulus(256);
  BN_bn2binpad(n, modulus.data(), 256);
  BN_free(n);
  const Bytes secret = bytes_of("thirty-two bytes of session salt");
  const std::span<const uint8_t> label(reinterpret_cast<const uint8_t*>(kLabelSecretZero), sizeof(kLabelSecretZero));
  const Result<Bytes> sha256_form = rsa_oaep_encrypt(modulus, 0, HashAlg::kSha256, label, secret);
  ASSERT_TRUE(sha256_form.ok());
  EXPECT_EQ(sha256_form->size(), 256u);
  EXPECT_EQ(oaep_decrypt(key, EVP_sha256(), label, *sha256_form), secret);
  EXPECT_NE(oaep_decrypt(key, EVP_sha256(), label.first(6), *sha256_form), secret) << "the zero belongs to the label";
  const Result<Bytes> sha1_form = rsa_oaep_encrypt(modulus, 65537, HashAlg::kSha1, {}, secret);
  ASSERT_TRUE(sha1_form.ok());
  EXPECT_EQ(oaep_decrypt(key, EVP_sha1(), {}, *sha1_form), secret);
  EXPECT_NE(*rsa_oaep_encrypt(modulus, 0, HashAlg::kSha256, label, secret), *sha256_form) << "the seed is random";
  EVP_PKEY_free(key);

  EXPECT_FALSE(rsa_oaep_encrypt(Bytes(64, 0xff), 0, HashAlg::kSha256, label, secret).ok());
  EXPECT_FALSE(rsa_oaep_encrypt(modulus, 0, HashAlg::kSha256, label, Bytes(256)).ok());
}

class Ecdh : public ::testing::TestWithParam<std::tuple<uint16_t, const char*, size_t>> {};

TEST_P(Ecdh, BothSidesReachTheSameZ) {
  const auto [curve, group, field_bytes] = GetParam();
  ASSERT_TRUE(crypto_init().ok());
  EVP_PKEY* peer_key = EVP_EC_gen(group);
  ASSERT_NE(peer_key, nullptr);
  Bytes point(1 + 2 * field_bytes);
  size_t point_bytes = 0;
  ASSERT_EQ(EVP_PKEY_get_octet_string_param(peer_key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point.data(), point.size(),
                                            &point_bytes),
            1);
  const auto middle = point.begin() + 1 + static_cast<ptrdiff_t>(field_bytes);
  const EcPoint peer{{point.begin() + 1, middle}, {middle, point.end()}};

  Bytes z(field_bytes);
  const Result<EcPoint> ephemeral = ecdh_ephemeral(curve, peer, z);
  ASSERT_TRUE(ephemeral.ok()) << ephemeral.error().message;
  ASSERT_EQ(ephemeral->x.size(), field_bytes);
  ASSERT_EQ(ephemeral->y.size(), field_bytes);

  // The other side, on the low-level curve arithmetic: x of (peer's private key * ephemeral point).
  EC_GROUP* arithmetic = EC_GROUP_new_by_curve_name(field_bytes == 32 ? NID_X9_62_prime256v1 : NID_secp384r1);
  BIGNUM* private_key = nullptr;
  ASSERT_EQ(EVP_PKEY_get_bn_param(peer_key, OSSL_PKEY_PARAM_PRIV_KEY, &private_key), 1);
  BIGNUM* x = BN_bin2bn(ephemeral->x.data(), static_cast<int>(field_bytes), nullptr);
  BIGNUM* y = BN_bin2bn(ephemeral->y.data(), static_cast<int>(field_bytes), nullptr);
  EC_POINT* shared = EC_POINT_new(arithmetic);
  ASSERT_EQ(EC_POINT_set_affine_coordinates(arithmetic, shared, x, y, nullptr), 1);
  ASSERT_EQ(EC_POINT_mul(arithmetic, shared, nullptr, shared, private_key, nullptr), 1);
  ASSERT_EQ(EC_POINT_get_affine_coordinates(arithmetic, shared, x, y, nullptr), 1);
  Bytes expected(field_bytes);
  BN_bn2binpad(x, expected.data(), static_cast<int>(field_bytes));
  EXPECT_EQ(z, expected);
  EC_POINT_free(shared);
  BN_free(x);
  BN_free(y);
  BN_free(private_key);
  EC_GROUP_free(arithmetic);
  EVP_PKEY_free(peer_key);

  EcPoint off_curve = peer;
  off_curve.y.back() ^= 1;
  EXPECT_EQ(ecdh_ephemeral(curve, off_curve, z).error().code, ErrorCode::kTpmResponse);
  EXPECT_EQ(ecdh_ephemeral(curve, EcPoint{}, z).error().code, ErrorCode::kTpmResponse) << "the zero point";
  EcPoint too_long = peer;
  too_long.x.insert(too_long.x.begin(), 0);
  EXPECT_EQ(ecdh_ephemeral(curve, too_long, z).error().code, ErrorCode::kTpmResponse);
  EXPECT_FALSE(ecdh_ephemeral(curve, peer, std::span(z).first(16)).ok());
  EXPECT_EQ(ecdh_ephemeral(0x0010, peer, z).error().code, ErrorCode::kTpmResponse);
}

INSTANTIATE_TEST_SUITE_P(Curves, Ecdh,
                         ::testing::Values(std::make_tuple(uint16_t{0x0003}, "P-256", size_t{32}),
                                           std::make_tuple(uint16_t{0x0004}, "P-384", size_t{48})));

}  // namespace
}  // namespace sealedge
