// Tensors between JavaScript and the engine.
#pragma once

#include <napi.h>

#include <string>
#include <vector>

#include "engine/session.h"

namespace sealedge {

// An input whose parts live at least as long as this object, but for the bytes: those are JavaScript's, and valid until
// control returns there, unless own() has copied them.
struct OwnedInput {
  std::string name;
  DataType type = DataType::kUndefined;
  std::vector<int64_t> dims;
  std::vector<uint8_t> copy;
  std::span<const uint8_t> bytes;

  RunInput view() const { return {name, type, dims, bytes}; }
  void own() {
    copy.assign(bytes.begin(), bytes.end());
    bytes = copy;
  }
};

// [{name, type: number (TensorProto.DataType), dims: number[], data: TypedArray}, ...]. False: an exception is pending.
bool read_inputs(const Napi::Value& value, std::vector<OwnedInput>* inputs);
// [index | {index, data: TypedArray}, ...]; data is where the result is written. False: an exception is pending.
// targets gets the data of each, empty where there is none; read_targets() takes their bytes when no getter of outputs
// or inputs can run any more. Null: only indices are allowed.
bool read_outputs(const Napi::Value& value, std::vector<RunOutput>* outputs, std::vector<Napi::Value>* targets);
bool read_targets(const std::vector<Napi::Value>& targets, std::vector<RunOutput>* outputs);
// [{type, dims, data: ArrayBuffer | null}, ...], null where the result was written in place; takes the outputs' memory.
Napi::Value outputs_to_js(Napi::Env env, std::vector<RunOutput>& outputs);
// takeBytes(target: TypedArray, source: ArrayBuffer): copies all of source into target, which has the same size, and
// detaches source: its memory is free at once, not when the garbage collector comes by.
Napi::Value take_bytes(const Napi::CallbackInfo& info);
// [{name, type, shape: (number | string)[] | null}, ...]; a dimension without value and name is -1.
Napi::Value metadata_to_js(Napi::Env env, const std::vector<TensorMetadata>& tensors);

}  // namespace sealedge
