// RNN, GRU and LSTM: the kernel against the standard's formulas, over every form that attributes can ask for.
#include "graph/ops/product/recurrent.h"

#include <cmath>

#include "../op_runner.h"
#include "core/float16.h"
#include "kernels/recurrent/recurrent_reference.h"

namespace sealedge::testing {
namespace {

struct LayerCase {
  RecurrentKind kind;
  RecurrentAttributes attributes = {};
  int64_t steps = 4, batch = 3, input = 5, hidden = 7;
  bool bias = true, lengths = false, states = false, peepholes = false, constant = true;
};

struct Layer {
  RecurrentLayer layer;
  std::vector<TestTensor> inputs;
};

Layer make_layer(const LayerCase& c) {
  const RecurrentAttributes& a = c.attributes;
  const int64_t d = a.direction == RecurrentDirection::kBidirectional ? 2 : 1;
  const auto rows = static_cast<int64_t>(recurrent_gates(c.kind)) * c.hidden;
  const Dims state = a.batch_first ? Dims{c.batch, d, c.hidden} : Dims{d, c.batch, c.hidden};
  const bool lstm = c.kind == RecurrentKind::kLstm;
  Layer made;
  made.inputs = {noise(a.batch_first ? Dims{c.batch, c.steps, c.input} : Dims{c.steps, c.batch, c.input}, 1),
                 noise({d, rows, c.input}, 2), noise({d, rows, c.hidden}, 3)};
  if (c.constant) made.inputs[1].constant = made.inputs[2].constant = true;
  made.inputs.push_back(c.bias ? noise({d, 2 * rows}, 4) : TestTensor{});
  std::vector<int32_t> lengths;
  for (int64_t b = 0; b < c.batch; b++) lengths.push_back(static_cast<int32_t>((b * 3 + 2) % (c.steps + 1)));
  made.inputs.push_back(c.lengths ? tensor_of(DataType::kInt32, {c.batch}, lengths) : TestTensor{});
  made.inputs.push_back(c.states ? noise(state, 5) : TestTensor{});
  if (lstm) {
    made.inputs.push_back(c.states ? noise(state, 6) : TestTensor{});
    made.inputs.push_back(c.peepholes ? noise({d, 3 * c.hidden}, 7) : TestTensor{});
  }
  made.layer = {.kind = c.kind,
                .steps = static_cast<size_t>(c.steps),
                .batch = static_cast<size_t>(c.batch),
                .input = static_cast<size_t>(c.input),
                .hidden = static_cast<size_t>(c.hidden),
                .directions = static_cast<size_t>(d),
                .reverse = a.direction == RecurrentDirection::kReverse,
                .batch_first = a.batch_first,
                .linear_before_reset = a.linear_before_reset,
                .input_forget = a.input_forget,
                .clip = a.clip.value_or(__builtin_inff()),
                .activations = {}};
  const size_t count = recurrent_activation_count(c.kind, RecurrentDirection::kForward);
  for (size_t i = 0; i < static_cast<size_t>(d) * count; i++) {
    RecurrentActivation& target = made.layer.activations[i / count][i % count];
    target.function =
        c.kind != RecurrentKind::kRnn && i % count == 0 ? RecurrentFunction::kSigmoid : RecurrentFunction::kTanh;
    if (!a.activations.empty()) target = a.activations[i];
  }
  return made;
}

// The same layer by the formulas: Y, Y_h, Y_c.
std::vector<std::vector<float>> expected(const Layer& made) {
  const RecurrentLayer& l = made.layer;
  std::vector<std::vector<float>> values;
  for (const TestTensor& input : made.inputs) values.push_back(input.floats());
  const std::vector<int32_t> lengths = made.inputs[4].values<int32_t>();
  const auto pointer = [&](size_t i) -> const float* {
    return i < values.size() && !values[i].empty() ? values[i].data() : nullptr;
  };
  RecurrentData<float> data;
  data.x = pointer(0);
  data.bias = pointer(3);
  data.lengths = lengths.empty() ? nullptr : lengths.data();
  data.initial_h = pointer(5);
  data.initial_c = pointer(6);
  data.peepholes = pointer(7);
  const size_t states = l.directions * l.batch * l.hidden;
  std::vector<std::vector<float>> out = {std::vector<float>(l.steps * states), std::vector<float>(states),
                                         std::vector<float>(states)};
  data.y = out[0].data();
  data.y_h = out[1].data();
  data.y_c = out[2].data();
  std::vector<double> scratch(recurrent_reference_scratch_bytes(l) / sizeof(double));
  RecurrentReference<float>(l, data, values[1].data(), values[2].data(), scratch.data()).run();
  return out;
}

void expect_layer(const LayerCase& c, float tolerance = 2e-5f) {
  const Layer made = make_layer(c);
  const std::vector<std::vector<float>> want = expected(made);
  const Result<std::vector<TestTensor>> got = run_op_outputs(make_recurrent(c.kind, c.attributes), made.inputs);
  ASSERT_TRUE(got.ok()) << got.error().message;
  for (size_t i = 0; i < got->size(); i++) {
    const std::vector<float> values = (*got)[i].floats();
    ASSERT_EQ(values.size(), want[i].size());
    // Some activations have no bound, and states grow.
    for (size_t j = 0; j < values.size(); j++) {
      EXPECT_NEAR(values[j], want[i][j], tolerance * (1 + std::fabs(want[i][j]))) << "output " << i << ", " << j;
    }
  }
}

std::vector<LayerCase> forms() {
  std::vector<LayerCase> cases;
  for (RecurrentKind kind : {RecurrentKind::kRnn, RecurrentKind::kGru, RecurrentKind::kLstm}) {
    for (auto direction :
         {RecurrentDirection::kForward, RecurrentDirection::kReverse, RecurrentDirection::kBidirectional}) {
      for (bool option : {false, true}) {
        LayerCase c = {.kind = kind, .attributes = {.direction = direction, .batch_first = option}};
        c.attributes.linear_before_reset = option;
        c.attributes.input_forget = option;
        c.states = c.lengths = c.peepholes = option;
        cases.push_back(c);
        c.attributes.clip = 0.3f;
        c.bias = false;
        c.constant = false;
        c.lengths = !c.lengths;
        cases.push_back(c);
      }
    }
  }
  return cases;
}

TEST(Recurrent, EveryFormFollowsTheFormulas) {
  for (LayerCase c : forms()) {
    SCOPED_TRACE(::testing::Message() << static_cast<int>(c.kind) << " direction "
                                      << static_cast<int>(c.attributes.direction) << " layout "
                                      << c.attributes.batch_first << " lengths " << c.lengths);
    expect_layer(c);
    // Gates that fill panels, deep products, and one of each.
    c.hidden = 32, c.input = 40, c.batch = 1;
    expect_layer(c);
    c.hidden = 1, c.input = 1, c.steps = 1;
    expect_layer(c);
  }
}

TEST(Recurrent, EveryActivation) {
  for (std::string_view name : {"Relu", "Tanh", "Sigmoid", "Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh",
                                "HardSigmoid", "Elu", "Softsign", "Softplus"}) {
    SCOPED_TRACE(name);
    std::optional<NamedActivation> found = find_recurrent_activation(name);
    ASSERT_TRUE(found.has_value());
    if (found->has_alpha) found->activation.alpha = 0.375f;
    if (found->has_beta) found->activation.beta = 0.625f;
    const std::vector<RecurrentActivation> both = {found->activation, {}, found->activation, found->activation};
    expect_layer({.kind = RecurrentKind::kRnn, .attributes = {.activations = {found->activation}}});
    expect_layer({.kind = RecurrentKind::kGru,
                  .attributes = {.direction = RecurrentDirection::kBidirectional, .activations = both}});
    expect_layer({.kind = RecurrentKind::kLstm,
                  .attributes = {.activations = {{}, found->activation, found->activation}},
                  .states = true});
  }
  EXPECT_TRUE(find_recurrent_activation("hARDsIGMOID").has_value());
  EXPECT_FALSE(find_recurrent_activation("Hard").has_value());
}

// Y of a zero-length sequence is zero and its state stays as it was; no steps at all likewise.
TEST(Recurrent, NothingToDo) {
  LayerCase c = {.kind = RecurrentKind::kLstm, .steps = 0, .states = true};
  const Layer made = make_layer(c);
  const auto got = run_op_outputs(make_recurrent(c.kind, c.attributes), made.inputs);
  ASSERT_TRUE(got.ok()) << got.error().message;
  EXPECT_EQ((*got)[0].dims, (Dims{0, 1, 3, 7}));
  EXPECT_EQ((*got)[1].floats(), made.inputs[5].floats());
  EXPECT_EQ((*got)[2].floats(), made.inputs[6].floats());
}

template <typename T>
TestTensor converted(const TestTensor& tensor, DataType type) {
  if (tensor.type != DataType::kFloat32) return tensor;
  std::vector<T> values;
  for (float v : tensor.floats()) values.push_back(static_cast<T>(v));
  TestTensor result = tensor_of(type, tensor.dims, values);
  result.constant = tensor.constant;
  return result;
}

template <typename T>
void expect_type(DataType type, float tolerance) {
  for (const LayerCase& c : forms()) {
    Layer made = make_layer(c);
    for (TestTensor& input : made.inputs) {
      if (input.type == DataType::kFloat32) input = converted<float>(input, DataType::kFloat32);
    }
    const std::vector<std::vector<float>> want = expected(made);
    std::vector<TestTensor> inputs;
    for (const TestTensor& input : made.inputs) inputs.push_back(converted<T>(input, type));
    const auto got = run_op_outputs(make_recurrent(c.kind, c.attributes), inputs);
    ASSERT_TRUE(got.ok()) << got.error().message;
    for (size_t i = 0; i < got->size(); i++) {
      const std::vector<T> values = (*got)[i].template values<T>();
      ASSERT_EQ(values.size(), want[i].size());
      for (size_t j = 0; j < values.size(); j++) EXPECT_NEAR(static_cast<double>(values[j]), want[i][j], tolerance);
    }
  }
}

TEST(Recurrent, Float64) { expect_type<double>(DataType::kFloat64, 1e-6f); }
TEST(Recurrent, Float16) { expect_type<Float16>(DataType::kFloat16, 2e-2f); }

TEST(Recurrent, Refusals) {
  const LayerCase c = {.kind = RecurrentKind::kLstm, .lengths = true, .states = true, .peepholes = true};
  const Layer made = make_layer(c);
  const auto with = [&](size_t i, TestTensor tensor) {
    std::vector<TestTensor> inputs = made.inputs;
    inputs[i] = std::move(tensor);
    return inputs;
  };
  const OpPtr op = make_recurrent(c.kind, {});
  expect_error(op, with(0, noise({4, 3})), ErrorCode::kShapeMismatch, "rank 3");
  expect_error(op, with(0, noise({4, 3, 6})), ErrorCode::kShapeMismatch, "W: expected");
  expect_error(op, with(1, noise({2, 28, 5})), ErrorCode::kShapeMismatch, "W: expected");
  expect_error(op, with(2, noise({1, 27, 7})), ErrorCode::kShapeMismatch, "R: expected");
  expect_error(op, with(3, noise({1, 28})), ErrorCode::kShapeMismatch, "B: expected");
  expect_error(op, with(4, i64({3}, {1, 1, 1})), ErrorCode::kShapeMismatch, "sequence_lens");
  expect_error(op, with(4, tensor_of<int32_t>(DataType::kInt32, {3}, {1, 5, 1})), ErrorCode::kInputInvalid, "got 5");
  expect_error(op, with(4, tensor_of<int32_t>(DataType::kInt32, {3}, {1, -1, 1})), ErrorCode::kInputInvalid, "got -1");
  expect_error(op, with(5, noise({3, 1, 7})), ErrorCode::kShapeMismatch, "initial_h");
  expect_error(op, with(6, noise({1, 3, 8})), ErrorCode::kShapeMismatch, "initial_c");
  expect_error(op, with(7, noise({1, 28})), ErrorCode::kShapeMismatch, "P: expected");
  expect_error(make_recurrent(c.kind, {.hidden_size = 8}), made.inputs, ErrorCode::kShapeMismatch, "hidden_size");
  expect_error(op, {i64({1, 1, 1}, {1}), noise({1, 4, 1}), noise({1, 4, 1})}, ErrorCode::kOpUnsupported, "int64");
}

// Lengths were in range when a run began, but lie in the caller's memory: whatever they become, no step is read or
// written that is not there.
TEST(Recurrent, LengthsThatChangeStayInRange) {
  const Layer made = make_layer({.kind = RecurrentKind::kLstm, .steps = 4, .batch = 3});
  const int32_t lengths[] = {2, 1000, -1};
  RecurrentData<double> data;
  EXPECT_EQ(data.length(made.layer, 0), 4u);
  data.lengths = lengths;
  EXPECT_EQ(data.length(made.layer, 0), 2u);
  EXPECT_EQ(data.length(made.layer, 1), 4u);
  EXPECT_EQ(data.length(made.layer, 2), 4u);
}

}  // namespace
}  // namespace sealedge::testing
