#include "container/canonical_json.h"

#include <gtest/gtest.h>

#include <random>

#include "container/utf8.h"

namespace sealedge {
namespace {

enum class Verdict { kCanonical, kNotCanonical, kMalformed };

Verdict judge(const std::string& text) {
  const auto parsed = parse_canonical_json(text);
  if (parsed.ok()) return Verdict::kCanonical;
  return parsed.error().code == ErrorCode::kEnvelopeNotCanonical ? Verdict::kNotCanonical : Verdict::kMalformed;
}

TEST(CanonicalJson, Canonical) {
  for (const char* text : {"{}", "[]", "true", "false", "0", "-1", "9007199254740991", "-9007199254740991", "\"\"",
                           "\"/\"", R"("\"\\\b\t\n\f\r\u0000\u001f")", "\"\x7f\"", "\"\u20ac\U0001F600\"",
                           R"([1,[2,[]],{"a":{}}])", R"({"":1,"a":2,"b":3})"}) {
    EXPECT_EQ(judge(text), Verdict::kCanonical) << text;
  }
}

TEST(CanonicalJson, NotCanonical) {
  for (const char* text : {" {}",
                           "{} ",
                           "[1, 2]",
                           "-0",
                           "1.0",
                           "1.5",
                           "1e3",
                           "1E+3",
                           "9007199254740992",
                           "-9007199254740992",
                           "null",
                           "[null]",
                           R"("\/")",
                           R"("\u0041")",
                           R"("\u000A")",
                           R"("\u001F")",
                           R"("\u0022")",
                           R"("\ud83d\ude00")",
                           R"("\ud83d")",
                           R"("\ude00")",
                           R"("\ud83d\u0041")",
                           R"({"b":1,"a":2})",
                           R"({"a":1,"a":1})",
                           R"({"a":1,"\u0061":1})"}) {
    EXPECT_EQ(judge(text), Verdict::kNotCanonical) << text;
  }
}

TEST(CanonicalJson, Malformed) {
  for (const char* text : {"",
                           "{",
                           "}",
                           "[1,]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{a:1}",
                           "{\"a\":1,}",
                           "01",
                           "-",
                           "+1",
                           "1.",
                           ".5",
                           "1e",
                           "0x1",
                           "tru",
                           "nul",
                           "True",
                           "'a'",
                           "\"",
                           "\"\\\"",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\u12g4\"",
                           "\"\t\"",
                           "1 2",
                           "[1 2]",
                           "\xEF\xBB\xBF{}",
                           "\"\xC0\xAF\"",
                           "\"\xED\xA0\x80\"",
                           "\"\xF4\x90\x80\x80\"",
                           "\"\xFF\"",
                           "\"\xE2\x82\""}) {
    EXPECT_EQ(judge(text), Verdict::kMalformed) << text;
  }
}

TEST(CanonicalJson, DepthIsBounded) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(judge(nested(kMaxJsonDepth)), Verdict::kCanonical);
  EXPECT_EQ(judge(nested(kMaxJsonDepth + 1)), Verdict::kMalformed);
  EXPECT_EQ(judge(std::string(size_t{1} << 20, '[')), Verdict::kMalformed);
  EXPECT_EQ(judge(std::string(size_t{1} << 20, '{')), Verdict::kMalformed);
}

TEST(CanonicalJson, ValuesAreBounded) {
  const auto list = [](size_t items) {
    std::string text = "[0";
    for (size_t i = 1; i < items; ++i) text += ",0";
    return text + "]";
  };
  EXPECT_EQ(judge(list(kMaxJsonValues - 1)), Verdict::kCanonical);
  EXPECT_EQ(judge(list(kMaxJsonValues)), Verdict::kMalformed);
}

// RFC 8785, 3.2.3: the order of UTF-16 code units, not of bytes or code points.
TEST(CanonicalJson, MembersAreOrderedByUtf16) {
  EXPECT_EQ(judge("{\"\\r\":1,\"1\":1,\"\u0080\":1,\"\u00f6\":1,\"\u20ac\":1,\"\U0001F600\":1,\"\uFB33\":1}"),
            Verdict::kCanonical);
  EXPECT_TRUE(utf16_less("\U0001F600", "\uFB33"));
  EXPECT_FALSE(utf16_less("\uFB33", "\U0001F600"));
  EXPECT_TRUE(utf16_less("\uD7FF", "\U0001F600"));
  EXPECT_TRUE(utf16_less("a", "ab"));
  EXPECT_FALSE(utf16_less("a", "a"));
}

JsonValue random_value(std::mt19937& random, int depth) {
  JsonValue value;
  const auto pick = [&random](uint32_t n) { return random() % n; };
  const auto text = [&] {
    static constexpr uint32_t kPoints[] = {0,    8,     0x1F,  '"',    '\\',   '/',    'a',     'z',     0x7F,
                                           0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF};
    std::string out;
    for (uint32_t n = pick(6); n > 0; --n) append_utf8(kPoints[pick(std::size(kPoints))], &out);
    return out;
  };
  switch (pick(depth > 0 ? 5 : 3)) {
    case 0:
      value.boolean = pick(2) == 1;
      break;
    case 1:
      value.type = JsonValue::Type::kInteger;
      value.integer =
          static_cast<int64_t>((uint64_t{random()} << 32 | random()) >> (12 + pick(52))) * (pick(2) == 1 ? 1 : -1);
      break;
    case 2:
      value.type = JsonValue::Type::kString;
      value.string = text();
      break;
    case 3:
      value.type = JsonValue::Type::kArray;
      for (uint32_t n = pick(5); n > 0; --n) value.items.push_back(random_value(random, depth - 1));
      break;
    default:
      value.type = JsonValue::Type::kObject;
      for (uint32_t n = pick(5); n > 0; --n) {
        std::string name = text();
        if (value.find(name) == nullptr) value.members.push_back({std::move(name), random_value(random, depth - 1)});
      }
  }
  return value;
}

TEST(CanonicalJson, WhatIsWrittenParsesToTheSameText) {
  std::mt19937 random(8785);
  for (int i = 0; i < 2000; ++i) {
    const std::string text = canonical_json(random_value(random, 4));
    ASSERT_EQ(judge(text), Verdict::kCanonical) << text;
    ASSERT_EQ(canonical_json(parse_canonical_json(text).value()), text);
  }
}

// Whatever is done to a canonical text, it is refused or is canonical in its own right.
TEST(CanonicalJson, AlteredTextsReencodeToThemselves) {
  std::mt19937 random(4627);
  for (int i = 0; i < 20000; ++i) {
    std::string text = canonical_json(random_value(random, 3));
    text[random() % text.size()] = static_cast<char>(random());
    const auto parsed = parse_canonical_json(text);
    if (parsed.ok()) {
      ASSERT_EQ(canonical_json(*parsed), text);
    }
  }
}

}  // namespace
}  // namespace sealedge
