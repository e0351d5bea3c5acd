// Sequences inside a model: what each operator of them leaves of tensors, and what is refused.
#include <gtest/gtest.h>

#include "run_model.h"

namespace sealedge {
namespace {

using testing::floats;
using testing::FloatTensor;
using testing::int64s;
using testing::int_attribute;
using testing::ModelBuilder;
using testing::node;

const std::map<std::string, FloatTensor> kInputs = {
    {"a", {{1, 2}, {1, 2}}}, {"b", {{1, 2}, {3, 4}}}, {"c", {{2, 2}, {5, 6, 7, 8}}}};

ModelBuilder three() {
  return ModelBuilder()
      .input("a", {1, 2})
      .input("b", {1, 2})
      .input("c", {2, 2})
      .constant(int64s("zero", {}, {0}))
      .constant(int64s("one", {}, {1}))
      .constant(int64s("minus_one", {}, {-1}))
      .constant(int64s("nine", {}, {9}));
}

ModelBuilder constructed() { return three().add(node("SequenceConstruct", {"a", "b"}, {"s"})); }

void expect_values(const ModelBuilder& builder, const std::vector<int64_t>& dims, const std::vector<float>& values) {
  const std::vector<FloatTensor> got = testing::run_model(builder, kInputs);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].dims, dims);
  EXPECT_EQ(got[0].values, values);
}

void expect_refused(const ModelBuilder& builder, ErrorCode code, const std::string& part) {
  const auto session = Session::create_from_bytes(builder.build(), {});
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().code, code) << session.error().message;
  EXPECT_NE(session.error().message.find(part), std::string::npos) << session.error().message;
}

ModelBuilder at(ModelBuilder builder, const std::string& sequence, const std::string& position) {
  return builder.add(node("SequenceAt", {sequence, position}, {"y"})).output("y");
}

TEST(SequencesTest, AtCountsFromEitherEnd) {
  expect_values(at(constructed(), "s", "zero"), {1, 2}, {1, 2});
  expect_values(at(constructed(), "s", "minus_one"), {1, 2}, {3, 4});
  expect_refused(at(constructed(), "s", "nine"), ErrorCode::kModelInvalid, "position 9 is out of range for 2 tensors");
}

TEST(SequencesTest, InsertAndErase) {
  const auto inserted = [](const std::vector<std::string>& inputs) {
    return constructed().add(node("SequenceInsert", inputs, {"t"}));
  };
  expect_values(at(inserted({"s", "c"}), "t", "minus_one"), {2, 2}, {5, 6, 7, 8});
  expect_values(at(inserted({"s", "c", "zero"}), "t", "one"), {1, 2}, {1, 2});
  expect_values(at(inserted({"s", "c", "minus_one"}), "t", "one"), {2, 2}, {5, 6, 7, 8});
  const auto erased = [](const std::vector<std::string>& inputs) {
    return constructed().add(node("SequenceErase", inputs, {"t"}));
  };
  expect_values(at(erased({"s"}), "t", "zero"), {1, 2}, {1, 2});
  expect_values(at(erased({"s", "zero"}), "t", "zero"), {1, 2}, {3, 4});
  expect_refused(three().add(node("SequenceEmpty", {}, {"e"})).add(node("SequenceErase", {"e"}, {"y"})).output("y"),
                 ErrorCode::kModelInvalid, "empty");
}

TEST(SequencesTest, ConcatenatesAndStacks) {
  const auto concat = [](const std::vector<testing::Proto>& attributes) {
    return constructed().add(node("ConcatFromSequence", {"s"}, {"y"}, attributes)).output("y");
  };
  expect_values(concat({int_attribute("axis", 0)}), {2, 2}, {1, 2, 3, 4});
  expect_values(concat({int_attribute("axis", -1)}), {1, 4}, {1, 2, 3, 4});
  expect_values(concat({int_attribute("axis", -1), int_attribute("new_axis", 1)}), {1, 2, 2}, {1, 3, 2, 4});
}

TEST(SequencesTest, SplitsIntoSlicesAndSizes) {
  const auto slices = [](const std::vector<testing::Proto>& attributes) {
    return three().add(node("SplitToSequence", {"c"}, {"s"}, attributes));
  };
  expect_values(at(slices({}), "s", "one"), {1, 2}, {7, 8});
  expect_values(at(slices({int_attribute("axis", -1), int_attribute("keepdims", 0)}), "s", "minus_one"), {2}, {6, 8});
  const auto sizes = three().constant(int64s("sizes", {2}, {1, 1}));
  expect_values(at(ModelBuilder(sizes).add(node("SplitToSequence", {"c", "sizes"}, {"s"})), "s", "one"), {1, 2},
                {7, 8});
}

TEST(SequencesTest, SplitsIntoPartsOfOneSize) {
  const auto split = [](int64_t size, int64_t axis) {
    return three()
        .add(node("Concat", {"a", "b", "c"}, {"abc"}, {int_attribute("axis", 0)}))
        .constant(int64s("size", {}, {size}))
        .add(node("SplitToSequence", {"abc", "size"}, {"s"}, {int_attribute("axis", axis)}));
  };
  expect_values(at(split(3, 0), "s", "zero"), {3, 2}, {1, 2, 3, 4, 5, 6});
  expect_values(at(split(3, 0), "s", "one"), {1, 2}, {7, 8});  // the rest
  expect_values(at(split(3, 0), "s", "minus_one"), {1, 2}, {7, 8});
  expect_values(at(split(1, -1), "s", "one"), {4, 1}, {2, 4, 6, 8});
  expect_values(at(split(100, 0), "s", "zero"), {4, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  expect_refused(at(split(3, 0), "s", "nine"), ErrorCode::kModelInvalid, "position 9 is out of range for 2 tensors");
  expect_refused(at(split(0, 0), "s", "zero"), ErrorCode::kModelInvalid, "split: expected at least 1");
  expect_refused(at(split(INT64_MAX, 0), "s", "zero"), ErrorCode::kModelInvalid, "split: expected at least 1");
  for (const auto& [size, parts] : {std::pair{1, 4.0f}, {2, 2.0f}, {3, 2.0f}, {4, 1.0f}, {5, 1.0f}}) {
    expect_values(split(size, 0)
                      .add(node("SequenceLength", {"s"}, {"n"}))
                      .add(node("Cast", {"n"}, {"y"}, {int_attribute("to", 1)}))
                      .output("y"),
                  {}, {parts});
  }
}

// The sizes come with the run; how many there are is declared, so the sequence is known.
TEST(SequencesTest, SizesOfTheRun) {
  const auto split = [](const std::vector<int64_t>& dims) {
    return at(three().input("sizes", dims, 7).add(node("SplitToSequence", {"c", "sizes"}, {"s"})), "s", "one");
  };
  const auto session = Session::create_from_bytes(split({2}).build(), {});
  ASSERT_TRUE(session.ok()) << session.error().message;
  const std::vector<float> values = {5, 6, 7, 8};
  const auto bytes = [](const auto& data) {
    return std::span(reinterpret_cast<const uint8_t*>(data.data()), data.size() * sizeof data[0]);
  };
  for (const auto& [sizes, rest] : {std::pair{std::vector<int64_t>{1, 1}, 2u}, {{0, 2}, 4u}, {{2, 0}, 0u}}) {
    const std::vector<int64_t> row = {1, 2}, square = {2, 2}, two = {2};
    const std::vector<RunInput> inputs = {{"a", DataType::kFloat32, row, bytes(values).first(8)},
                                          {"b", DataType::kFloat32, row, bytes(values).first(8)},
                                          {"c", DataType::kFloat32, square, bytes(values)},
                                          {"sizes", DataType::kInt64, two, bytes(sizes)}};
    std::vector<RunOutput> outputs(1);
    const auto run = (*session)->run(inputs, outputs);
    ASSERT_TRUE(run.ok()) << run.error().message;
    EXPECT_EQ(testing::floats_of(outputs[0]), std::vector<float>(values.end() - rest, values.end()));
  }
  expect_refused(split({-1}), ErrorCode::kOpUnsupported, "a number of parts that the model does not fix");
  expect_refused(split({5000}), ErrorCode::kModelInvalid, "expected 1 to 4096 sizes");
}

TEST(SequencesTest, LengthIsAScalar) {
  const auto length = [](ModelBuilder builder) {
    return builder.add(node("SequenceLength", {"s"}, {"n"}))
        .add(node("Cast", {"n"}, {"y"}, {int_attribute("to", 1)}))
        .output("y");
  };
  expect_values(length(constructed()), {}, {2});
  expect_values(length(three().add(node("SplitToSequence", {"c"}, {"s"}))), {}, {2});
  expect_values(length(three().add(node("SequenceEmpty", {}, {"s"}))), {}, {0});
}

TEST(SequencesTest, IdentityOfOneIsOne) {
  expect_values(at(constructed().add(node("Identity", {"s"}, {"t"})), "t", "one"), {1, 2}, {3, 4});
}

// Next to the last position and the first, from either end; inserting may go one further.
TEST(SequencesTest, PositionsAreInRange) {
  const auto at = [](const std::string& op_type, int64_t position) {
    std::vector<std::string> inputs = {"s", "at"};
    if (op_type == "SequenceInsert") inputs.insert(inputs.begin() + 1, "c");
    const bool sequence = op_type != "SequenceAt";
    ModelBuilder builder = constructed().constant(int64s("at", {}, {position}));
    builder.add(node(op_type, inputs, {sequence ? "changed" : "y"}));
    if (sequence) builder.add(node("SequenceAt", {"changed", "zero"}, {"y"}));
    return builder.output("y");
  };
  for (const char* op_type : {"SequenceAt", "SequenceErase", "SequenceInsert"}) {
    const int64_t last = op_type == std::string("SequenceInsert") ? 2 : 1;
    for (const int64_t position : {int64_t{-2}, last}) {
      EXPECT_TRUE(Session::create_from_bytes(at(op_type, position).build(), {}).ok()) << op_type << position;
    }
    for (const int64_t position : {int64_t{-3}, last + 1, INT64_MIN, INT64_MAX}) {
      expect_refused(at(op_type, position), ErrorCode::kModelInvalid, "out of range");
    }
  }
  for (const int64_t size : {int64_t{0}, int64_t{-1}, INT64_MAX}) {
    ModelBuilder parts =
        three().constant(int64s("size", {}, {size})).add(node("SplitToSequence", {"c", "size"}, {"s"}));
    expect_refused(parts.add(node("SequenceLength", {"s"}, {"y"})).output("y", 7), ErrorCode::kModelInvalid, "split");
  }
}

TEST(SequencesTest, RefusesWhatIsNoTensor) {
  const auto unsupported = ErrorCode::kOpUnsupported;
  expect_refused(constructed().add(node("Relu", {"s"}, {"y"})).output("y"), unsupported, "a sequence as input");
  expect_refused(constructed().output("s"), unsupported, "a sequence cannot leave its graph");
  expect_refused(at(three(), "a", "zero"), unsupported, "a sequence that is not made in the same graph");
  expect_refused(constructed().add(node("SequenceConstruct", {"s"}, {"t"})).output("t"), ErrorCode::kModelInvalid,
                 "expected tensors");
  auto computed = constructed().input("p", {}, 7);
  expect_refused(at(computed, "s", "p"), unsupported, "a position that is not constant");
}

// GraphProto{1 node, 2 name, 12 output} as AttributeProto{1 name, 6 g, 20 type}.
testing::Proto branch(const std::string& name, const testing::Proto& body_node) {
  const auto graph = testing::Proto().message(1, body_node).bytes(2, name).message(12, testing::Proto().bytes(1, "r"));
  return testing::Proto().bytes(1, name).message(6, graph).varint(20, 5);
}

TEST(SequencesTest, BodiesReadThoseAroundThem) {
  for (const char chosen : {0, 1}) {
    auto builder =
        constructed()
            .constant(testing::tensor("condition", 9, {}, std::string(1, chosen)))
            .add(node("If", {"condition"}, {"y"},
                      {branch("then_branch", node("SequenceAt", {"s", "one"}, {"r"})),
                       branch("else_branch", node("ConcatFromSequence", {"s"}, {"r"}, {int_attribute("axis", 0)}))}))
            .output("y");
    if (chosen) {
      expect_values(builder, {1, 2}, {3, 4});
    } else {
      expect_values(builder, {2, 2}, {1, 2, 3, 4});
    }
  }
}

// Each insertion is a longer list: refused long before a file of this kind could ask for much memory.
TEST(SequencesTest, LongListsOfListsAreRefused) {
  auto builder = three().add(node("SequenceEmpty", {}, {"s0"}));
  for (int i = 0; i < 1500; ++i) {
    builder.add(node("SequenceInsert", {"s" + std::to_string(i), "a"}, {"s" + std::to_string(i + 1)}));
  }
  expect_refused(at(builder, "s1500", "zero"), ErrorCode::kLimitExceeded, "sequences of more than");
}

}  // namespace
}  // namespace sealedge
