#include "container/canonical_json.h"

#include <algorithm>

#include "container/utf8.h"

namespace sealedge {
namespace {

void write_string(std::string_view text, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"':
        out->append("\\\"");
        break;
      case '\\':
        out->append("\\\\");
        break;
      case '\b':
        out->append("\\b");
        break;
      case '\t':
        out->append("\\t");
        break;
      case '\n':
        out->append("\\n");
        break;
      case '\f':
        out->append("\\f");
        break;
      case '\r':
        out->append("\\r");
        break;
      default: {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20) {
          out->append("\\u00");
          out->push_back(kHex[byte >> 4]);
          out->push_back(kHex[byte & 15]);
        } else {
          out->push_back(c);
        }
      }
    }
  }
  out->push_back('"');
}

// Recursion is as deep as the value, which parse_json() bounds.
void write_value(const JsonValue& value, std::string* out) {
  switch (value.type) {
    case JsonValue::Type::kBool:
      out->append(value.boolean ? "true" : "false");
      return;
    case JsonValue::Type::kInteger:
      out->append(std::to_string(value.integer));
      return;
    case JsonValue::Type::kString:
      write_string(value.string, out);
      return;
    case JsonValue::Type::kArray: {
      out->push_back('[');
      for (size_t i = 0; i < value.items.size(); ++i) {
        if (i > 0) out->push_back(',');
        write_value(value.items[i], out);
      }
      out->push_back(']');
      return;
    }
    case JsonValue::Type::kObject: {
      std::vector<const JsonMember*> sorted;
      sorted.reserve(value.members.size());
      for (const auto& member : value.members) sorted.push_back(&member);
      std::sort(sorted.begin(), sorted.end(),
                [](const auto* a, const auto* b) { return utf16_less(a->name, b->name); });
      out->push_back('{');
      for (size_t i = 0; i < sorted.size(); ++i) {
        if (i > 0) out->push_back(',');
        write_string(sorted[i]->name, out);
        out->push_back(':');
        write_value(sorted[i]->value, out);
      }
      out->push_back('}');
      return;
    }
  }
}

}  // namespace

const JsonValue* JsonValue::find(std::string_view name) const {
  for (const auto& member : members) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}

std::string canonical_json(const JsonValue& value) {
  std::string out;
  write_value(value, &out);
  return out;
}

Result<JsonValue> parse_canonical_json(std::string_view text) {
  SEALEDGE_ASSIGN(JsonText parsed, parse_json(text));
  if (!parsed.representable || canonical_json(parsed.value) != text) {
    return Error{ErrorCode::kEnvelopeNotCanonical, "JSON is not in its canonical form"};
  }
  return std::move(parsed.value);
}

}  // namespace sealedge
