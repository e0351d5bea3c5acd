#include "container/text_encoding.h"

#include <gtest/gtest.h>

#include <random>

namespace sealedge {
namespace {

TEST(Base64, RoundTripsEveryLength) {
  std::mt19937 random(4648);
  for (size_t size = 0; size < 200; ++size) {
    std::vector<uint8_t> bytes(size);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    std::vector<uint8_t> decoded;
    ASSERT_TRUE(from_base64(to_base64(bytes), &decoded));
    ASSERT_EQ(decoded, bytes);
  }
}

// RFC 4648, section 10.
TEST(Base64, KnownTexts) {
  std::vector<uint8_t> decoded;
  for (const auto& [text, plain] :
       {std::pair{"", ""}, {"Zg==", "f"}, {"Zm8=", "fo"}, {"Zm9v", "foo"}, {"Zm9vYmFy", "foobar"}}) {
    ASSERT_TRUE(from_base64(text, &decoded));
    EXPECT_EQ(std::string(decoded.begin(), decoded.end()), plain);
    EXPECT_EQ(to_base64(decoded), text);
  }
}

TEST(Base64, OneSpellingOnly) {
  std::vector<uint8_t> decoded;
  for (const char* text : {"Zg", "Zg=", "Zg===", "Zg== ", " Zg==", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==",
                           "Zm8=Zg==", "Z-8=", "Z_8=", "Zm8\n", "=Zg=", "Zg=A"}) {
    EXPECT_FALSE(from_base64(text, &decoded)) << text;
  }
}

TEST(Hex, LowerCaseAndExactLength) {
  std::vector<uint8_t> out(2);
  EXPECT_TRUE(from_hex("0aff", out));
  EXPECT_EQ(to_hex(out), "0aff");
  for (const char* text : {"0aFF", "0af", "0aff0", "0ag0", "", " aff"}) EXPECT_FALSE(from_hex(text, out)) << text;
}

}  // namespace
}  // namespace sealedge
