#include "bindings/args.h"

#include "bindings/errors.h"

namespace sealedge {
namespace {

std::nullopt_t refuse(const Napi::Value& value, const char* name, const char* expected) {
  throw_error(value.Env(), Error{ErrorCode::kOptionInvalid,
                                 std::string(name) + ": expected " + expected,
                                 {{"option", name}, {"expected", expected}}});
  return std::nullopt;
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

std::optional<std::span<uint8_t>> bytes_argument(const Napi::Value& value, const char* name) {
  if (value.IsTypedArray()) {
    const Napi::TypedArray array = value.As<Napi::TypedArray>();
    if (array.ByteLength() == 0) return std::span<uint8_t>();
    return std::span(static_cast<uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset(), array.ByteLength());
  }
  if (value.IsArrayBuffer()) {
    Napi::ArrayBuffer buffer = value.As<Napi::ArrayBuffer>();
    return std::span(static_cast<uint8_t*>(buffer.Data()), buffer.ByteLength());
  }
  if (value.IsDataView()) {
    const Napi::DataView view = value.As<Napi::DataView>();
    return std::span(static_cast<uint8_t*>(view.ArrayBuffer().Data()) + view.ByteOffset(), view.ByteLength());
  }
  return refuse(value, name, "an ArrayBuffer or a view of one");
}

}  // namespace sealedge
