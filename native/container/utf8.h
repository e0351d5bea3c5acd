// UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sealedge {

bool is_valid_utf8(std::string_view text);
// Precondition: a scalar value.
void append_utf8(uint32_t code_point, std::string* out);
// Valid UTF-8 ordered by UTF-16 code units (RFC 8785, 3.2.3).
bool utf16_less(std::string_view a, std::string_view b);
// True when valid UTF-8 has a control character: below U+0020, or U+007F to U+009F.
bool has_control_character(std::string_view text);

}  // namespace sealedge
