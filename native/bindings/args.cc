#include "bindings/args.h"

#include "bindings/errors.h"

namespace sealedge {
namespace {

std::nullopt_t refuse(const Napi::Value& value, const char* name, const char* expected) {
  // A property that could not be read, and has no environment either: its getter threw, or the worker is being
  // terminated.
  if (value.IsEmpty()) return std::nullopt;
  throw_error(value.Env(), Error{ErrorCode::kOptionInvalid,
                                 std::string(name) + ": expected " + expected,
                                 {{"option", name}, {"expected", expected}}});
  return std::nullopt;
}

size_t element_bytes(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array:
    case napi_uint8_array:
    case napi_uint8_clamped_array:
      return 1;
    case napi_int16_array:
    case napi_uint16_array:
      return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      return 4;
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array:
      return 8;
    default:
      return 1;  // a type of a later Node: at least its elements count as bytes
  }
}

}  // namespace

std::optional<std::string> string_argument(const Napi::Value& value, const char* name) {
  if (!value.IsString()) return refuse(value, name, "a string");
  return value.As<Napi::String>().Utf8Value();
}

std::optional<double> number_argument(const Napi::Value& value, const char* name) {
  if (!value.IsNumber()) return refuse(value, name, "a number");
  return value.As<Napi::Number>().DoubleValue();
}

std::optional<Napi::Object> object_argument(const Napi::Value& value, const char* name) {
  if (!value.IsObject()) return refuse(value, name, "an object");
  return value.As<Napi::Object>();
}

std::optional<Napi::Array> array_argument(const Napi::Value& value, const char* name) {
  if (!value.IsArray()) return refuse(value, name, "an array");
  return value.As<Napi::Array>();
}

// The C calls, whose status is checked: while a worker is terminated any of them may fail.
std::optional<std::span<uint8_t>> bytes_argument(const Napi::Value& value, const char* name) {
  const napi_env env = value.Env();
  void* data = nullptr;
  size_t length = 0;
  napi_typedarray_type type = napi_uint8_array;
  bool read = false;
  if (value.IsTypedArray()) {
    read = napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) == napi_ok;
    length *= element_bytes(type);
  } else if (value.IsArrayBuffer()) {
    read = napi_get_arraybuffer_info(env, value, &data, &length) == napi_ok;
  } else if (value.IsDataView()) {
    read = napi_get_dataview_info(env, value, &length, &data, nullptr, nullptr) == napi_ok;
  }
  if (!read) return refuse(value, name, "an ArrayBuffer or a view of one");
  return std::span(static_cast<uint8_t*>(data), length);
}

}  // namespace sealedge
