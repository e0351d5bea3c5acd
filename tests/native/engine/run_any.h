// Runs models built by tests on inputs of any type.
#pragma once

#include "run_model.h"

namespace sealedge::testing {

// An input or output of any type, by name.
struct AnyTensor {
  DataType type;
  std::vector<int64_t> dims;
  std::string bytes;

  template <typename T>
  std::vector<T> values() const {
    std::vector<T> out(bytes.size() / sizeof(T));
    if (!bytes.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
    return out;
  }
};
inline AnyTensor f32(std::vector<int64_t> dims, const std::vector<float>& values) {
  return {DataType::kFloat32, std::move(dims), raw(values)};
}
inline AnyTensor i64(std::vector<int64_t> dims, const std::vector<int64_t>& values) {
  return {DataType::kInt64, std::move(dims), raw(values)};
}

inline AnyTensor boolean(bool value) { return {DataType::kBool, {}, std::string(1, value ? 1 : 0)}; }

inline Result<std::vector<AnyTensor>> run_any(const Session& session, const std::map<std::string, AnyTensor>& given,
                                              const RunControl& control = {}) {
  std::vector<RunInput> inputs;
  for (const auto& [name, tensor] : given) {
    inputs.push_back(
        {name, tensor.type, tensor.dims, {reinterpret_cast<const uint8_t*>(tensor.bytes.data()), tensor.bytes.size()}});
  }
  std::vector<RunOutput> outputs(session.outputs().size());
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i].index = i;
  SEALEDGE_TRY(session.run(inputs, outputs, control));
  std::vector<AnyTensor> results;
  for (const RunOutput& output : outputs) {
    results.push_back(
        {output.type, output.dims, {reinterpret_cast<const char*>(output.data.get()), output.size_bytes}});
  }
  return results;
}

inline std::shared_ptr<Session> load(const ModelBuilder& builder) {
  auto session = Session::create_from_bytes(builder.build(), {});
  if (!session.ok()) ADD_FAILURE() << session.error().message;
  return session.ok() ? *session : nullptr;
}

}  // namespace sealedge::testing
