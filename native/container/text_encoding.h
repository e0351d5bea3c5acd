// Strict base64 (RFC 4648 section 4) and lower-case hexadecimal: each value has exactly one spelling, no other is read.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sealedge {

std::string to_hex(std::span<const uint8_t> bytes);
// False unless text is 2 * out.size() lower-case digits.
bool from_hex(std::string_view text, std::span<uint8_t> out);

std::string to_base64(std::span<const uint8_t> bytes);
// False on another alphabet, white space, missing padding, or unused bits that are not zero.
bool from_base64(std::string_view text, std::vector<uint8_t>* out);

}  // namespace sealedge
