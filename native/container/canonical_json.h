// The JSON profile of the envelope (SPEC.md "Canonical JSON"): RFC 8785 without null, fractions and exponents. The
// parser is bounded in depth and values; it accepts any RFC 8259 text, so that the caller can tell "not JSON" from "not
// canonical".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace sealedge {

inline constexpr size_t kMaxJsonDepth = 16;
inline constexpr size_t kMaxJsonValues = 65536;

struct JsonMember;

struct JsonValue {
  enum class Type : uint8_t { kBool, kInteger, kString, kArray, kObject };

  Type type = Type::kBool;
  bool boolean = false;
  int64_t integer = 0;
  std::string string;  // UTF-8
  std::vector<JsonValue> items;
  std::vector<JsonMember> members;  // as parsed: in the order of the text

  // The member of that name, or nullptr; a value that is no object has none.
  const JsonValue* find(std::string_view name) const;
};

struct JsonMember {
  std::string name;
  JsonValue value;
};

struct JsonText {
  JsonValue value;
  // False when the text has something canonical_json() could never write: null, a fraction, an exponent, -0, an integer
  // beyond 2^53 - 1, a lone surrogate, a member twice. `value` is then only good for reporting.
  bool representable = true;
};

// Fails with kEnvelopeMalformed: not UTF-8, not RFC 8259, deeper or larger than the limits.
Result<JsonText> parse_json(std::string_view text);
// Sorts members; the profile's one spelling of a representable value.
std::string canonical_json(const JsonValue& value);
// parse_json, then equality with canonical_json: fails with kEnvelopeMalformed or kEnvelopeNotCanonical.
Result<JsonValue> parse_canonical_json(std::string_view text);

}  // namespace sealedge
