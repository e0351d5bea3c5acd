// RFC 8259, recursive descent; recursion is bounded by kMaxJsonDepth.
#include <algorithm>

#include "container/canonical_json.h"
#include "container/utf8.h"

namespace sealedge {
namespace {

constexpr int64_t kMaxInteger = (int64_t{1} << 53) - 1;

class JsonParser {
 public:
  explicit JsonParser(std::string_view text) : text_(text) {}

  bool parse(JsonText* out) {
    skip_space();
    if (!parse_value(0, &out->value)) return false;
    skip_space();
    out->representable = representable_;
    return position_ == text_.size();
  }

 private:
  bool at_end() const { return position_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[position_]; }

  bool take(char expected) {
    if (at_end() || text_[position_] != expected) return false;
    ++position_;
    return true;
  }

  bool take_word(std::string_view word) {
    if (text_.substr(position_, word.size()) != word) return false;
    position_ += word.size();
    return true;
  }

  void skip_space() {
    while (!at_end() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) ++position_;
  }

  bool parse_value(size_t depth, JsonValue* out) {
    if (++values_ > kMaxJsonValues) return false;
    switch (peek()) {
      case '{':
        return depth < kMaxJsonDepth && parse_object(depth, out);
      case '[':
        return depth < kMaxJsonDepth && parse_array(depth, out);
      case '"':
        out->type = JsonValue::Type::kString;
        return parse_string(&out->string);
      case 't':
        out->boolean = true;
        return take_word("true");
      case 'f':
        return take_word("false");
      case 'n':
        representable_ = false;
        return take_word("null");
      default:
        return parse_number(out);
    }
  }

  bool parse_object(size_t depth, JsonValue* out) {
    out->type = JsonValue::Type::kObject;
    ++position_;
    skip_space();
    if (take('}')) return true;
    do {
      JsonMember member;
      skip_space();
      if (!parse_string(&member.name)) return false;
      skip_space();
      if (!take(':')) return false;
      skip_space();
      if (!parse_value(depth + 1, &member.value)) return false;
      out->members.push_back(std::move(member));
      skip_space();
    } while (take(','));
    if (!take('}')) return false;
    check_names_differ(out->members);
    return true;
  }

  void check_names_differ(const std::vector<JsonMember>& members) {
    std::vector<std::string_view> names;
    names.reserve(members.size());
    for (const auto& member : members) names.emplace_back(member.name);
    std::sort(names.begin(), names.end());
    if (std::adjacent_find(names.begin(), names.end()) != names.end()) representable_ = false;
  }

  bool parse_array(size_t depth, JsonValue* out) {
    out->type = JsonValue::Type::kArray;
    ++position_;
    skip_space();
    if (take(']')) return true;
    do {
      skip_space();
      JsonValue item;
      if (!parse_value(depth + 1, &item)) return false;
      out->items.push_back(std::move(item));
      skip_space();
    } while (take(','));
    return take(']');
  }

  bool parse_string(std::string* out) {
    if (!take('"')) return false;
    while (!at_end()) {
      const char c = text_[position_++];
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c != '\\') {
        out->push_back(c);
      } else if (!parse_escape(out)) {
        return false;
      }
    }
    return false;
  }

  bool parse_escape(std::string* out) {
    if (at_end()) return false;
    const char c = text_[position_++];
    switch (c) {
      case '"':
      case '\\':
      case '/':
        out->push_back(c);
        return true;
      case 'b':
        out->push_back('\b');
        return true;
      case 'f':
        out->push_back('\f');
        return true;
      case 'n':
        out->push_back('\n');
        return true;
      case 'r':
        out->push_back('\r');
        return true;
      case 't':
        out->push_back('\t');
        return true;
      case 'u':
        return parse_unicode_escape(out);
      default:
        return false;
    }
  }

  bool parse_unicode_escape(std::string* out) {
    uint32_t unit = 0;
    if (!parse_hex4(&unit)) return false;
    const bool high = unit >= 0xD800 && unit <= 0xDBFF;
    if (high && text_.substr(position_, 2) == "\\u") {
      const size_t before = position_;
      position_ += 2;
      uint32_t low = 0;
      if (!parse_hex4(&low)) return false;
      if (low >= 0xDC00 && low <= 0xDFFF) {
        append_utf8(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00), out);
        return true;
      }
      position_ = before;  // the second escape stands for itself
    }
    if (unit >= 0xD800 && unit <= 0xDFFF) {
      representable_ = false;
      unit = 0xFFFD;
    }
    append_utf8(unit, out);
    return true;
  }

  bool parse_hex4(uint32_t* out) {
    if (text_.size() - position_ < 4) return false;
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = text_[position_++];
      uint32_t digit = 0;
      if (c >= '0' && c <= '9') {
        digit = static_cast<uint32_t>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        digit = static_cast<uint32_t>(c - 'a') + 10;
      } else if (c >= 'A' && c <= 'F') {
        digit = static_cast<uint32_t>(c - 'A') + 10;
      } else {
        return false;
      }
      value = value << 4 | digit;
    }
    *out = value;
    return true;
  }

  bool digits(size_t* count) {
    *count = 0;
    while (peek() >= '0' && peek() <= '9') {
      ++position_;
      ++*count;
    }
    return *count > 0;
  }

  bool parse_number(JsonValue* out) {
    out->type = JsonValue::Type::kInteger;
    const bool negative = take('-');
    const size_t begin = position_;
    size_t count = 0;
    if (!digits(&count)) return false;
    if (count > 1 && text_[begin] == '0') return false;
    int64_t magnitude = 0;
    for (size_t i = begin; i < begin + count && magnitude <= kMaxInteger; ++i) {
      magnitude = magnitude * 10 + (text_[i] - '0');
    }
    if (magnitude > kMaxInteger || (negative && magnitude == 0)) representable_ = false;
    out->integer = negative ? -magnitude : magnitude;
    if (take('.')) {
      representable_ = false;
      if (!digits(&count)) return false;
    }
    if (peek() == 'e' || peek() == 'E') {
      representable_ = false;
      ++position_;
      if (!take('+')) take('-');
      if (!digits(&count)) return false;
    }
    return true;
  }

  std::string_view text_;
  size_t position_ = 0;
  size_t values_ = 0;
  bool representable_ = true;
};

}  // namespace

Result<JsonText> parse_json(std::string_view text) {
  if (!is_valid_utf8(text)) return Error{ErrorCode::kEnvelopeMalformed, "text is not UTF-8"};
  JsonText out;
  if (!JsonParser(text).parse(&out)) {
    return Error{ErrorCode::kEnvelopeMalformed, "text is not JSON within the limits of depth and size"};
  }
  return out;
}

}  // namespace sealedge
