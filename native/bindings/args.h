// Argument checks of the bindings. TypeScript has validated already and says it better; these keep a wrong call from
// becoming undefined behaviour. Each throws a UsageError and returns nullopt when the argument does not fit.
#pragma once

#include <napi.h>

#include <optional>
#include <span>
#include <string>

namespace sealedge {

std::optional<std::string> string_argument(const Napi::Value& value, const char* name);
std::optional<double> number_argument(const Napi::Value& value, const char* name);
std::optional<Napi::Object> object_argument(const Napi::Value& value, const char* name);
std::optional<Napi::Array> array_argument(const Napi::Value& value, const char* name);
// The bytes of a TypedArray, a DataView or an ArrayBuffer; valid until control returns to JavaScript.
std::optional<std::span<uint8_t>> bytes_argument(const Napi::Value& value, const char* name);

}  // namespace sealedge
