#include "bindings/session_io.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "bindings/args.h"
#include "bindings/errors.h"

namespace sealedge {
namespace {

// Below this a copy is cheaper than an external buffer with its finalizer.
constexpr size_t kExternalBufferBytes = 64 * 1024;

bool refuse(Napi::Env env, std::string message) {
  throw_error(env, Error{ErrorCode::kInputInvalid, std::move(message)});
  return false;
}

bool read_dims(const Napi::Value& value, std::vector<int64_t>* dims) {
  const auto array = array_argument(value, "dims");
  if (!array) return false;
  for (uint32_t i = 0; i < array->Length(); ++i) {
    const Napi::Value dim = array->Get(i);
    const double number = dim.IsNumber() ? dim.As<Napi::Number>().DoubleValue() : -1;
    // 2^53: beyond it a double no longer counts in ones.
    if (!(number >= 0 && number <= 9007199254740992.0 && number == std::floor(number))) {
      return refuse(value.Env(), "dims: expected whole numbers from 0");
    }
    dims->push_back(static_cast<int64_t>(number));
  }
  return true;
}

Napi::Value buffer_of(Napi::Env env, RunOutput& output) {
  napi_value buffer = nullptr;
  if (output.size_bytes >= kExternalBufferBytes &&
      napi_create_external_arraybuffer(
          env, output.data.get(), output.size_bytes, [](napi_env, void* memory, void*) { std::free(memory); }, nullptr,
          &buffer) == napi_ok) {
    static_cast<void>(output.data.release());
    return Napi::Value(env, buffer);
  }
  // Small, or an embedder that forbids external buffers.
  void* copy = nullptr;
  if (napi_create_arraybuffer(env, output.size_bytes, &copy, &buffer) != napi_ok) return env.Undefined();
  if (output.size_bytes > 0) std::memcpy(copy, output.data.get(), output.size_bytes);
  return Napi::Value(env, buffer);
}

}  // namespace

bool read_inputs(const Napi::Value& value, std::vector<OwnedInput>* inputs) {
  const auto array = array_argument(value, "inputs");
  if (!array) return false;
  inputs->resize(array->Length());
  std::vector<Napi::Value> data;
  for (OwnedInput& input : *inputs) {
    const auto object = object_argument(array->Get(static_cast<uint32_t>(data.size())), "input");
    if (!object) return false;
    const auto name = string_argument(object->Get("name"), "input name");
    const auto type = name ? number_argument(object->Get("type"), "input type") : std::nullopt;
    if (!type || !read_dims(object->Get("dims"), &input.dims)) return false;
    data.push_back(object->Get("data"));
    input.name = *name;
    input.type = *type >= 0 && *type <= 255 ? static_cast<DataType>(static_cast<uint8_t>(*type)) : DataType::kUndefined;
  }
  // Only now, when no getter can run any more: one of a later input could detach or shrink the buffer of an earlier.
  for (size_t i = 0; i < data.size(); ++i) {
    OwnedInput& input = (*inputs)[i];
    const auto bytes = bytes_argument(data[i], "input data");
    if (!bytes) return false;
    input.bytes = *bytes;
  }
  return true;
}

bool read_outputs(const Napi::Value& value, std::vector<RunOutput>* outputs, std::vector<Napi::Value>* targets) {
  const auto array = array_argument(value, "outputs");
  if (!array) return false;
  outputs->resize(array->Length());
  if (targets != nullptr) targets->resize(outputs->size());
  // As many as there were: a getter could add to the array meanwhile.
  for (uint32_t i = 0; i < outputs->size(); ++i) {
    const Napi::Value item = array->Get(i);
    const bool placed = item.IsObject();
    if (placed && targets == nullptr) return refuse(value.Env(), "output: expected an index, got an object");
    const auto index = number_argument(placed ? item.As<Napi::Object>().Get("index") : item, "output index");
    if (!index) return false;
    if (!(*index >= 0 && *index < 4294967296.0)) return refuse(value.Env(), "output index: out of range");
    (*outputs)[i].index = static_cast<size_t>(*index);
    if (!placed) continue;
    (*targets)[i] = item.As<Napi::Object>().Get("data");
    if ((*targets)[i].IsEmpty()) return false;  // its getter threw
  }
  return true;
}

bool read_targets(const std::vector<Napi::Value>& targets, std::vector<RunOutput>* outputs) {
  for (size_t i = 0; i < targets.size(); ++i) {
    if (targets[i].IsEmpty()) continue;
    const auto bytes = bytes_argument(targets[i], "output data");
    if (!bytes) return false;
    (*outputs)[i].preallocated = *bytes;
  }
  return true;
}

Napi::Value outputs_to_js(Napi::Env env, std::vector<RunOutput>& outputs) {
  Napi::Array result = Napi::Array::New(env, outputs.size());
  for (uint32_t i = 0; i < outputs.size(); ++i) {
    RunOutput& output = outputs[i];
    Napi::Array dims = Napi::Array::New(env, output.dims.size());
    for (uint32_t d = 0; d < output.dims.size(); ++d) dims.Set(d, static_cast<double>(output.dims[d]));
    Napi::Object object = Napi::Object::New(env);
    object.Set("type", static_cast<double>(output.type));
    object.Set("dims", dims);
    object.Set("data", output.preallocated.data() != nullptr ? env.Null() : buffer_of(env, output));
    result.Set(i, object);
  }
  return result;
}

Napi::Value take_bytes(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto target = bytes_argument(info[0], "target");
  const auto source = target ? bytes_argument(info[1], "source") : std::nullopt;
  if (!source) return env.Undefined();
  if (target->size() != source->size()) {
    refuse(env, "target: expected " + std::to_string(source->size()) + " bytes, got " + std::to_string(target->size()));
    return env.Undefined();
  }
  if (!source->empty()) std::memmove(target->data(), source->data(), source->size());
  static_cast<void>(napi_detach_arraybuffer(env, info[1]));  // what is not detachable stays until it is collected
  return env.Undefined();
}

Napi::Value metadata_to_js(Napi::Env env, const std::vector<TensorMetadata>& tensors) {
  Napi::Array result = Napi::Array::New(env, tensors.size());
  for (uint32_t i = 0; i < tensors.size(); ++i) {
    const TensorMetadata& tensor = tensors[i];
    Napi::Object object = Napi::Object::New(env);
    object.Set("name", tensor.name);
    object.Set("type", static_cast<double>(tensor.type));
    Napi::Value shape = env.Null();
    if (tensor.has_shape) {
      Napi::Array dims = Napi::Array::New(env, tensor.dims.size());
      for (uint32_t d = 0; d < tensor.dims.size(); ++d) {
        const DimMetadata& dim = tensor.dims[d];
        if (dim.value < 0 && !dim.symbol.empty()) {
          dims.Set(d, dim.symbol);
        } else {
          dims.Set(d, static_cast<double>(dim.value));
        }
      }
      shape = dims;
    }
    object.Set("shape", shape);
    result.Set(i, object);
  }
  return result;
}

}  // namespace sealedge
