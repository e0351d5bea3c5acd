// Runs one operator as the planner would: infers, chooses formats and converts, packs weights, prepares, runs, converts
// back.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "core/weight_packing.h"
#include "graph/ops.h"
#include "guarded_scratch.h"

namespace sealedge::testing {

// A tensor with its bytes, row-major.
struct TestTensor {
  DataType type = DataType::kUndefined;
  Dims dims;
  std::vector<uint8_t> bytes;
  bool constant = false;
  Format format = Format::kRowMajor;  // in which an input arrives, or an output was held

  template <typename T>
  std::vector<T> values() const {
    std::vector<T> out(bytes.size() / sizeof(T));
    if (!bytes.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
    return out;
  }
  std::vector<float> floats() const { return values<float>(); }
  TestTensor as_constant() const {
    TestTensor copy = *this;
    copy.constant = true;
    return copy;
  }
  TestTensor arriving_as(Format wanted) const {
    TestTensor copy = *this;
    copy.format = wanted;
    return copy;
  }
};

template <typename T>
TestTensor tensor_of(DataType type, Dims dims, const std::vector<T>& values) {
  TestTensor tensor{type, std::move(dims), std::vector<uint8_t>(values.size() * sizeof(T))};
  if (!values.empty()) std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  EXPECT_EQ(static_cast<size_t>(element_count(tensor.dims)), values.size());
  return tensor;
}
inline TestTensor f32(Dims dims, const std::vector<float>& values) {
  return tensor_of(DataType::kFloat32, std::move(dims), values);
}
inline TestTensor i64(Dims dims, const std::vector<int64_t>& values) {
  return tensor_of(DataType::kInt64, std::move(dims), values);
}
inline TestTensor boolean(Dims dims, const std::vector<uint8_t>& values) {
  return tensor_of(DataType::kBool, std::move(dims), values);
}
// Values between -1 and 1 that differ, the same in every run.
inline TestTensor noise(Dims dims, uint32_t seed = 1) {
  std::vector<float> values(static_cast<size_t>(element_count(dims)));
  for (float& v : values) {
    seed = seed * 1664525u + 1013904223u;
    v = static_cast<float>(seed >> 8) / 8388608.0f - 1.0f;
  }
  return f32(std::move(dims), values);
}

inline std::vector<uint8_t> rearranged(const std::vector<uint8_t>& bytes, const Dims& dims, DataType type,
                                       Format format, bool back) {
  const size_t size = data_type_size_bytes(type);
  const std::vector<int64_t> strides = strides_of(dims, format);
  std::vector<uint8_t> out(bytes.size());
  std::vector<int64_t> index(dims.size(), 0);
  for (size_t i = 0; i < bytes.size() / size; i++) {
    size_t at = 0;
    for (size_t d = 0; d < dims.size(); d++) at += static_cast<size_t>(index[d] * strides[d]);
    std::memcpy(&out[(back ? i : at) * size], &bytes[(back ? at : i) * size], size);
    for (size_t d = dims.size(); d-- > 0 && ++index[d] == dims[d];) index[d] = 0;
  }
  return out;
}

struct EpilogueValues {
  std::vector<float> scale, shift;
  std::vector<float> residual;  // row-major
  Activation activation;
};

// All outputs. `inputs[i].type == kUndefined`: omitted; outputs past wanted[] or not wanted come back without bytes.
inline Result<std::vector<TestTensor>> run_op_outputs(const OpPtr& op, const std::vector<TestTensor>& inputs,
                                                      const EpilogueValues& epilogue = {},
                                                      const std::vector<bool>& wanted = {}) {
  std::vector<Operand> operands;
  for (const TestTensor& input : inputs) {
    Operand operand = {
        .present = input.type != DataType::kUndefined, .type = input.type, .dims = input.dims, .format = input.format};
    operand.constant = input.constant;
    if (input.constant) operand.data = input.bytes.data();
    operands.push_back(operand);
  }
  std::shared_ptr<const void> findings;
  SEALEDGE_ASSIGN(const std::vector<TensorFact> facts, op->infer_with_findings(operands, &findings));
  std::vector<Operand> outputs;
  for (size_t i = 0; i < facts.size(); i++) {
    outputs.push_back(
        {.present = wanted.empty() || (i < wanted.size() && wanted[i]), .type = facts[i].type, .dims = facts[i].dims});
  }
  const FormatChoice formats = op->choose_formats(operands, outputs);
  for (size_t i = 0; i < outputs.size(); i++) outputs[i].format = formats.outputs[i];

  std::vector<std::vector<uint8_t>> memory;
  std::vector<std::unique_ptr<WeightSource>> weights;
  std::vector<const uint8_t*> pointers;
  memory.reserve(2 * inputs.size());
  for (size_t i = 0; i < inputs.size(); i++) {
    if (!operands[i].present) {
      pointers.push_back(nullptr);
      continue;
    }
    memory.push_back(rearranged(inputs[i].bytes, inputs[i].dims, inputs[i].type, formats.inputs[i], false));
    pointers.push_back(memory.back().data());
    operands[i].format = formats.inputs[i];
    if (operands[i].constant) operands[i].data = pointers.back();
    const WeightRequest request = op->weight_request(i, {inputs[i].type, inputs[i].dims});
    if (!inputs[i].constant || request.layout == WeightLayout::kPlain) continue;
    SEALEDGE_ASSIGN(const WeightGeometry geometry, weight_geometry(request.layout, request.order, inputs[i].dims));
    memory.emplace_back(geometry.size_bytes);
    pack_weight(geometry, inputs[i].bytes.data(), memory.back().data());
    weights.push_back(std::make_unique<ResidentWeightSource>(memory.back().data(), geometry.size_bytes));
    operands[i].weight = weights.back().get();
    operands[i].data = nullptr;
    pointers.back() = nullptr;
  }

  // Readable up to the next multiple of 64 bytes, as graph/epilogue.h promises.
  const auto padded = [](std::vector<float> values) {
    values.resize((values.size() + 15) / 16 * 16);
    return values;
  };
  const std::vector<float> scale = padded(epilogue.scale), shift = padded(epilogue.shift);
  std::vector<uint8_t> residual(epilogue.residual.size() * sizeof(float));
  if (!residual.empty()) {
    std::memcpy(residual.data(), epilogue.residual.data(), residual.size());
    residual = rearranged(residual, facts[0].dims, DataType::kFloat32, outputs[0].format, false);
  }
  OpSetup setup = {.inputs = operands, .outputs = outputs, .epilogue = {}};
  setup.epilogue = {.has_scale = !scale.empty(),
                    .has_shift = !shift.empty(),
                    .has_residual = !residual.empty(),
                    .activation = epilogue.activation};
  setup.findings = findings;
  SEALEDGE_ASSIGN(const std::unique_ptr<Kernel> kernel, op->prepare(setup));

  std::vector<std::vector<uint8_t>> out;
  std::vector<uint8_t*> out_pointers;
  for (const Operand& output : outputs) {
    const size_t size = static_cast<size_t>(element_count(output.dims)) * data_type_size_bytes(output.type);
    out.emplace_back((output.present ? size : 0) + 1, 0xee);
    out_pointers.push_back(output.present ? out.back().data() : nullptr);
  }
  const GuardedScratch scratch(kernel->scratch_bytes());
  RunArgs args;
  args.inputs = pointers;
  args.outputs = out_pointers;
  args.scale = scale.data();
  args.shift = shift.data();
  args.residual = reinterpret_cast<const float*>(residual.data());
  args.scratch = scratch.data();
  SEALEDGE_TRY(kernel->run(args));
  EXPECT_TRUE(scratch.intact()) << op->op_type() << " wrote past its scratch";
  std::vector<TestTensor> results;
  for (size_t i = 0; i < outputs.size(); i++) {
    EXPECT_EQ(out[i].back(), 0xee) << op->op_type() << " wrote past output " << i;
    out[i].pop_back();
    const auto& [type, dims] = facts[i];
    results.push_back({type, dims, rearranged(out[i], dims, type, outputs[i].format, true), false, outputs[i].format});
  }
  return results;
}

// Output 0, the others not wanted.
inline Result<TestTensor> run_op(const OpPtr& op, const std::vector<TestTensor>& inputs,
                                 const EpilogueValues& epilogue = {}) {
  SEALEDGE_ASSIGN(std::vector<TestTensor> outputs, run_op_outputs(op, inputs, epilogue, {true}));
  return std::move(outputs[0]);
}

inline TestTensor run_ok(const OpPtr& op, const std::vector<TestTensor>& inputs, const EpilogueValues& epilogue = {}) {
  Result<TestTensor> result = run_op(op, inputs, epilogue);
  if (!result.ok()) {
    ADD_FAILURE() << result.error().message;
    return {};
  }
  return std::move(result).value();
}

inline void expect_error(const OpPtr& op, const std::vector<TestTensor>& inputs, ErrorCode code, const char* part) {
  const Result<TestTensor> result = run_op(op, inputs);
  ASSERT_FALSE(result.ok()) << op->op_type();
  EXPECT_EQ(result.error().code, code) << result.error().message;
  EXPECT_NE(result.error().message.find(part), std::string::npos) << result.error().message;
}

inline void expect_near(const TestTensor& got, const std::vector<float>& want, float tolerance = 1e-5f) {
  const std::vector<float> values = got.floats();
  ASSERT_EQ(values.size(), want.size());
  for (size_t i = 0; i < want.size(); i++) EXPECT_NEAR(values[i], want[i], tolerance) << "element " << i;
}

}  // namespace sealedge::testing
