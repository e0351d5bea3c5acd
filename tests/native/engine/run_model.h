// Runs a model built by a test on float32 inputs, in one line.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "../support/onnx_builder.h"
#include "engine/session.h"

namespace sealedge::testing {

struct FloatTensor {
  std::vector<int64_t> dims;
  std::vector<float> values;
};

inline Result<std::vector<RunOutput>> run_session(const Session& session,
                                                  const std::map<std::string, FloatTensor>& given) {
  std::vector<RunInput> inputs;
  for (const auto& [name, tensor] : given) {
    inputs.push_back({name,
                      DataType::kFloat32,
                      tensor.dims,
                      {reinterpret_cast<const uint8_t*>(tensor.values.data()), tensor.values.size() * sizeof(float)}});
  }
  std::vector<RunOutput> outputs(session.outputs().size());
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i].index = i;
  SEALEDGE_TRY(session.run(inputs, outputs));
  return outputs;
}

inline std::vector<float> floats_of(const RunOutput& output) {
  std::vector<float> values(output.size_bytes / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), output.data.get(), output.size_bytes);
  return values;
}

// All outputs of one run; records a failure and returns nothing when the model does not load or run.
inline std::vector<FloatTensor> run_model(const ModelBuilder& builder,
                                          const std::map<std::string, FloatTensor>& inputs) {
  const auto session = Session::create_from_bytes(builder.build(), {});
  if (!session.ok()) {
    ADD_FAILURE() << session.error().message;
    return {};
  }
  const auto outputs = run_session(**session, inputs);
  if (!outputs.ok()) {
    ADD_FAILURE() << outputs.error().message;
    return {};
  }
  std::vector<FloatTensor> tensors;
  for (const RunOutput& output : *outputs) tensors.push_back({output.dims, floats_of(output)});
  return tensors;
}

}  // namespace sealedge::testing
