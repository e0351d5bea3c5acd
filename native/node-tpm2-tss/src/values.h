// What crosses between JavaScript and commands: parameters by name on the way in, named results on the way out.
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/result.h"
#include "memory/secure_buffer.h"

namespace sealedge::tpm {

using Bytes = std::vector<uint8_t>;
using ByteSpan = std::span<const uint8_t>;

// Every byte parameter is kept in secret memory: which of them are secrets depends on the command.
class Parameters {
 public:
  void add(std::string name, uint32_t value) { values_.emplace_back(std::move(name), value); }
  void add(std::string name, SecureBuffer value) { values_.emplace_back(std::move(name), std::move(value)); }
  void add(std::string name, std::vector<SecureBuffer> value) {
    values_.emplace_back(std::move(name), std::move(value));
  }

  // kOptionInvalid when the parameter is absent, of another type, or larger than T.
  Result<uint32_t> u32(const char* name) const;
  Result<uint16_t> u16(const char* name) const;
  Result<uint8_t> u8(const char* name) const;
  Result<ByteSpan> bytes(const char* name) const;
  Result<const std::vector<SecureBuffer>*> list(const char* name) const;
  bool flag(const char* name) const;  // absent is false

 private:
  using Value = std::variant<uint32_t, SecureBuffer, std::vector<SecureBuffer>>;
  const Value* find(const char* name) const;
  std::vector<std::pair<std::string, Value>> values_;
};

// A 64-bit result, BigInt in JavaScript.
struct U64 {
  uint64_t value;
};
// A result that only its owner may read: SecretHandle in JavaScript.
struct Secret {
  std::shared_ptr<SecureBuffer> bytes;
};

using ReplyValue = std::variant<uint32_t, bool, U64, Bytes, std::vector<Bytes>, Secret>;
// In the order of the command's response; names as in Part 3.
using Reply = std::vector<std::pair<const char*, ReplyValue>>;

// nullptr when there is no such result of that type.
template <typename T>
const T* find_result(const Reply& reply, std::string_view name) {
  for (const auto& [key, value] : reply) {
    if (key == name) return std::get_if<T>(&value);
  }
  return nullptr;
}

}  // namespace sealedge::tpm
