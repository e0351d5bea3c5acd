// For tests of operators on any element type: tensors with C++ types, coordinates, random shapes, and a runner that
// gives every output. Row-major only; formats are what op_runner.h tests.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>
#include <vector>

#include "../op_runner.h"
#include "graph/ops/element_types.h"

namespace sealedge::testing {

// To any element type; float16 has no conversion of its own from integers.
template <typename T, typename From>
T element_of(From value) {
  if constexpr (std::is_same_v<T, Float16> && !std::is_same_v<From, Float16>) {
    return Float16(static_cast<double>(value));
  } else {
    return static_cast<T>(value);
  }
}

template <typename T, typename From = T>
TestTensor typed(Dims dims, const std::vector<From>& values) {
  std::vector<T> converted;
  for (const From& value : values) converted.push_back(element_of<T>(value));
  return tensor_of(kDataTypeOf<T>, std::move(dims), converted);
}
template <typename T>
TestTensor scalar_of(T value) {
  return tensor_of(kDataTypeOf<T>, {}, std::vector<T>{value});
}
inline TestTensor omitted() { return {}; }

// All contents are known when planning, as they are after a plan stage.
inline Result<std::vector<TestTensor>> run_typed(const OpPtr& op, const std::vector<TestTensor>& inputs,
                                                 size_t outputs = 1) {
  std::vector<Operand> operands;
  std::vector<const uint8_t*> pointers;
  std::vector<std::vector<uint64_t>> memory;  // aligned
  for (const TestTensor& input : inputs) {
    memory.emplace_back(input.bytes.size() / 8 + 1);
    if (!input.bytes.empty()) std::memcpy(memory.back().data(), input.bytes.data(), input.bytes.size());
    const bool present = input.type != DataType::kUndefined;
    pointers.push_back(present ? reinterpret_cast<const uint8_t*>(memory.back().data()) : nullptr);
    operands.push_back(
        {.present = present, .type = input.type, .dims = input.dims, .constant = present, .data = pointers.back()});
  }
  OpSetup setup;
  SEALEDGE_ASSIGN(const std::vector<TensorFact> facts, op->infer_with_findings(operands, &setup.findings));
  std::vector<Operand> made;
  std::vector<std::vector<uint64_t>> results;
  std::vector<uint8_t*> out;
  for (size_t i = 0; i < outputs; ++i) {
    made.push_back({.present = true, .type = facts[i].type, .dims = facts[i].dims});
    SEALEDGE_ASSIGN(const size_t size, checked_size_bytes(facts[i]));
    results.emplace_back(size / 8 + 1, 0xeeeeeeeeeeeeeeee);
    out.push_back(reinterpret_cast<uint8_t*>(results.back().data()));
  }
  setup.inputs = operands;
  setup.outputs = made;
  SEALEDGE_ASSIGN(const std::unique_ptr<Kernel> kernel, op->prepare(setup));
  const GuardedScratch scratch(kernel->scratch_bytes());
  RunArgs args;
  args.inputs = pointers;
  args.outputs = out;
  args.scratch = scratch.data();
  SEALEDGE_TRY(kernel->run(args));
  EXPECT_TRUE(scratch.intact()) << op->op_type() << " wrote past its scratch";
  std::vector<TestTensor> tensors;
  for (size_t i = 0; i < outputs; ++i) {
    TestTensor tensor{facts[i].type, facts[i].dims, {}};
    const size_t size = *checked_size_bytes(facts[i]);
    tensor.bytes.assign(out[i], out[i] + size);
    EXPECT_EQ(out[i][size], 0xee) << op->op_type() << " wrote past output " << i;
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

inline std::vector<TestTensor> typed_ok(const OpPtr& op, const std::vector<TestTensor>& inputs, size_t outputs = 1) {
  auto result = run_typed(op, inputs, outputs);
  if (!result.ok()) {
    ADD_FAILURE() << op->op_type() << ": " << result.error().message;
    return std::vector<TestTensor>(outputs);
  }
  return *std::move(result);
}
inline void typed_error(const OpPtr& op, const std::vector<TestTensor>& inputs, ErrorCode code, const char* part,
                        size_t outputs = 1) {
  const auto result = run_typed(op, inputs, outputs);
  ASSERT_FALSE(result.ok()) << op->op_type();
  EXPECT_EQ(result.error().code, code) << result.error().message;
  EXPECT_NE(result.error().message.find(part), std::string::npos) << result.error().message;
}

// Coordinates, written the plain way.
inline size_t flat_index(const Dims& dims, const Dims& at) {
  size_t flat = 0;
  for (size_t d = 0; d < dims.size(); ++d) flat = flat * static_cast<size_t>(dims[d]) + static_cast<size_t>(at[d]);
  return flat;
}
inline void for_each_index(const Dims& dims, const std::function<void(const Dims&)>& visit) {
  if (element_count(dims) == 0) return;
  Dims at(dims.size(), 0);
  while (true) {
    visit(at);
    size_t d = dims.size();
    while (d-- > 0) {
      if (++at[d] < dims[d]) break;
      at[d] = 0;
    }
    if (d == SIZE_MAX) return;
  }
}
// The place in an operand of these dims of a coordinate of the broadcast result.
inline size_t broadcast_index(const Dims& dims, const Dims& at) {
  size_t flat = 0;
  for (size_t d = 0; d < dims.size(); ++d) {
    const int64_t i = dims[d] == 1 ? 0 : at[at.size() - dims.size() + d];
    flat = flat * static_cast<size_t>(dims[d]) + static_cast<size_t>(i);
  }
  return flat;
}

class RandomCase {
 public:
  explicit RandomCase(uint32_t seed) : engine_(seed) {}
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(engine_() % static_cast<uint64_t>(high - low + 1));
  }
  // Each size 1 to `most`, now and then 0.
  Dims dims(size_t rank, int64_t most = 4, bool may_be_empty = true) {
    Dims result;
    for (size_t d = 0; d < rank; ++d) result.push_back(may_be_empty && between(0, 15) == 0 ? 0 : between(1, most));
    return result;
  }
  std::vector<int64_t> ints(size_t count, int64_t low, int64_t high) {
    std::vector<int64_t> values(count);
    for (int64_t& value : values) value = between(low, high);
    return values;
  }
  std::vector<float> floats(size_t count, float low = -4, float high = 4) {
    std::vector<float> values(count);
    for (float& value : values) {
      value = low + (high - low) * static_cast<float>(engine_() % 100001) / 100000.0f;
    }
    return values;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace sealedge::testing
