#include "values.h"

#include <limits>

namespace sealedge::tpm {
namespace {

Error invalid(const char* name, const char* expected) {
  return {ErrorCode::kOptionInvalid, std::string("parameter ") + name + " must be " + expected, {{"parameter", name}}};
}

template <typename T>
Result<T> narrow(const char* name, Result<uint32_t> value) {
  if (!value) return std::move(value).error();
  if (*value > std::numeric_limits<T>::max()) return invalid(name, sizeof(T) == 1 ? "0 to 255" : "0 to 65535");
  return static_cast<T>(*value);
}

}  // namespace

const Parameters::Value* Parameters::find(const char* name) const {
  for (const auto& [key, value] : values_) {
    if (key == name) return &value;
  }
  return nullptr;
}

Result<uint32_t> Parameters::u32(const char* name) const {
  const Value* value = find(name);
  const uint32_t* number = value ? std::get_if<uint32_t>(value) : nullptr;
  if (!number) return invalid(name, "a number from 0 to 4294967295");
  return *number;
}

Result<uint16_t> Parameters::u16(const char* name) const { return narrow<uint16_t>(name, u32(name)); }
Result<uint8_t> Parameters::u8(const char* name) const { return narrow<uint8_t>(name, u32(name)); }

Result<ByteSpan> Parameters::bytes(const char* name) const {
  const Value* value = find(name);
  const SecureBuffer* buffer = value ? std::get_if<SecureBuffer>(value) : nullptr;
  if (!buffer) return invalid(name, "bytes");
  return buffer->span();
}

Result<const std::vector<SecureBuffer>*> Parameters::list(const char* name) const {
  const Value* value = find(name);
  const auto* buffers = value ? std::get_if<std::vector<SecureBuffer>>(value) : nullptr;
  if (!buffers) return invalid(name, "a list of bytes");
  return buffers;
}

bool Parameters::flag(const char* name) const {
  const Value* value = find(name);
  const uint32_t* number = value ? std::get_if<uint32_t>(value) : nullptr;
  return number && *number != 0;
}

}  // namespace sealedge::tpm
