#include "onnx/import.h"

#include <gtest/gtest.h>

#include "../support/onnx_builder.h"

namespace sealedge {
namespace {

using testing::floats;
using testing::int64s;
using testing::ModelBuilder;
using testing::node;
using testing::Proto;

struct Imported {
  explicit Imported(const std::vector<uint8_t>& model_bytes)
      : bytes(model_bytes),
        store(ConstantStore::Kind::kOrdinary),
        proto(parse_model(bytes)),
        model(proto.ok() ? import_model(*proto, &store) : Result<ImportedModel>(proto.error())) {}
  bool ok() const { return model.ok(); }
  const Graph& graph() const { return model->graph; }
  std::vector<std::string> op_types() const {
    std::vector<std::string> types;
    for (const Node& n : graph().nodes) types.push_back(n.op->op_type());
    return types;
  }

  std::vector<uint8_t> bytes;
  ConstantStore store;
  Result<ModelProto> proto;
  Result<ImportedModel> model;
};

void expect_refused(const ModelBuilder& builder, ErrorCode code, const std::string& message) {
  const Imported imported(builder.build());
  ASSERT_FALSE(imported.ok());
  EXPECT_EQ(imported.model.error().code, code) << imported.model.error().message;
  EXPECT_NE(imported.model.error().message.find(message), std::string::npos) << imported.model.error().message;
}

ModelBuilder relu_model() { return ModelBuilder().input("x", {1, 4}).add(node("Relu", {"x"}, {"y"})).output("y"); }

TEST(ImportTest, ReportsAllUnsupportedOperatorsAtOnce) {
  const Imported imported(
      ModelBuilder()
          .input("x", {1})
          .add(node("Frobnicate", {"x"}, {"a"}))
          .add(node("Relu", {"a"}, {"b"}))
          .add(node("Tokenizer", {"b"}, {"c"}, {}, "com.microsoft"))
          .add(node("Frobnicate", {"c"}, {"d"}))
          .add(node("DequantizeLinear", {"d", "d"}, {"y"}, {testing::int_attribute("output_dtype", 16)}))
          .output("y")
          .build());
  ASSERT_FALSE(imported.ok());
  const Error& error = imported.model.error();
  EXPECT_EQ(error.code, ErrorCode::kOpUnsupported);
  EXPECT_EQ(error.message,
            "operators this engine lacks: Frobnicate, com.microsoft.Tokenizer, DequantizeLinear (output_dtype 16)");
  const auto& fields = error.fields;
  ASSERT_EQ(fields.size(), 5u);
  EXPECT_EQ(fields[0], (std::pair<std::string, std::string>("opType", "Frobnicate")));
  EXPECT_EQ(fields[1], (std::pair<std::string, std::string>("domain", "ai.onnx")));
  EXPECT_EQ(fields[2], (std::pair<std::string, std::string>("opsetVersion", "17")));
  EXPECT_EQ(fields[3], (std::pair<std::string, std::string>("node", "make_a")));
  EXPECT_NE(
      fields[4].second.find("\"opType\":\"Frobnicate\",\"domain\":\"ai.onnx\",\"opsetVersion\":17,\"node\":\"make_a\","
                            "\"reason\":\"\",\"count\":2"),
      std::string::npos)
      << fields[4].second;
}

TEST(ImportTest, RefusesBrokenGraphs) {
  expect_refused(relu_model().add(node("Relu", {"nowhere"}, {"z"})), ErrorCode::kModelInvalid, "which nothing makes");
  expect_refused(relu_model().add(node("Relu", {"x"}, {"y"})), ErrorCode::kModelInvalid, "made twice");
  expect_refused(relu_model().add(node("SequenceConstruct", {"x"}, {"", "z"})).output("z"), ErrorCode::kModelInvalid,
                 "never made");
  expect_refused(relu_model().add(node("Identity", {"x"}, {"a", "b"})).add(node("Relu", {"b"}, {"z"})),
                 ErrorCode::kModelInvalid, "which nothing makes");
  expect_refused(relu_model().add(node("Relu", {"x"}, {"x"})), ErrorCode::kModelInvalid, "cycle");
  expect_refused(relu_model().add(node("Add", {"p", "x"}, {"q"})).add(node("Relu", {"q"}, {"p"})),
                 ErrorCode::kModelInvalid, "cycle");
  expect_refused(relu_model().output("nowhere"), ErrorCode::kModelInvalid, "never made");
  expect_refused(relu_model().constant(floats("w", {1}, {1})).constant(floats("w", {1}, {1})), ErrorCode::kModelInvalid,
                 "given twice");
  expect_refused(relu_model().input("x", {1}), ErrorCode::kModelInvalid, "listed twice");
  expect_refused(relu_model().add(node("Relu", {}, {"z"})), ErrorCode::kModelInvalid, "input 0 is missing");
  expect_refused(relu_model().add(node("Relu", {"x", "x"}, {"z"})), ErrorCode::kModelInvalid, "too many inputs");
  expect_refused(relu_model().constant(floats("w", {2}, {1})), ErrorCode::kModelInvalid, "expected 8 bytes, got 4");
  expect_refused(relu_model().constant(floats("w", {1 << 30, 1 << 30}, {1})), ErrorCode::kLimitExceeded, "too many");
  expect_refused(relu_model().constant(floats("w", {-1}, {1})), ErrorCode::kLimitExceeded, "negative");
  expect_refused(relu_model().add(node("LeakyRelu", {"x"}, {"z"}, {testing::int_attribute("alpha", 1)})),
                 ErrorCode::kModelInvalid, "wrong type");
  ModelBuilder newer = relu_model();
  newer.opset = 99;
  expect_refused(newer, ErrorCode::kOpUnsupported, "operator set");
}

TEST(ImportTest, RefusesWhatIsNoModel) {
  for (const std::string& text : {std::string(), std::string("not a model at all"), std::string("\x08\x08")}) {
    const Imported imported({text.begin(), text.end()});
    ASSERT_FALSE(imported.ok());
    EXPECT_EQ(imported.model.error().code, ErrorCode::kModelInvalid);
  }
  // Every truncation of a good model is refused or, cut between two fields, lacks its graph or its opset.
  const std::vector<uint8_t> model = relu_model().build();
  for (size_t size = 0; size < model.size(); ++size) {
    Imported({model.begin(), model.begin() + static_cast<ptrdiff_t>(size)});
  }
}

TEST(ImportTest, OrdersNodesThatAreNot) {
  const Imported imported(ModelBuilder()
                              .input("x", {1, 4})
                              .add(node("Relu", {"b"}, {"y"}))
                              .add(node("Exp", {"a"}, {"b"}))
                              .add(node("Neg", {"x"}, {"a"}))
                              .output("y")
                              .build());
  ASSERT_TRUE(imported.ok()) << imported.model.error().message;
  EXPECT_EQ(imported.op_types(), (std::vector<std::string>{"Neg", "Exp", "Relu"}));
}

TEST(ImportTest, LongChainsAreLinearAndNeverRecurse) {
  ModelBuilder builder;
  builder.input("x0", {1, 4});
  for (int i = 100000; i-- > 0;) {  // backwards: the worst order
    builder.add(node("Relu", {"x" + std::to_string(i)}, {"x" + std::to_string(i + 1)}));
  }
  builder.output("x100000");
  const Imported imported(builder.build());
  ASSERT_TRUE(imported.ok());
  EXPECT_EQ(imported.graph().nodes.size(), 100000u);
}

TEST(ImportTest, InitializersListedAsInputsAreConstants) {
  const Imported imported(ModelBuilder()
                              .input("x", {1, 2})
                              .input("w", {2})
                              .constant(floats("w", {2}, {1, 2}))
                              .add(node("Add", {"x", "w"}, {"y"}))
                              .output("y")
                              .build());
  ASSERT_TRUE(imported.ok());
  EXPECT_EQ(imported.model->inputs.size(), 1u);
}

TEST(ImportTest, IdentityAndDropoutLeaveNothing) {
  const Imported imported(relu_model()
                              .add(node("Identity", {"y"}, {"i"}))
                              .add(node("Dropout", {"i"}, {"d"}))
                              .add(node("Neg", {"d"}, {"z"}))
                              .output("z")
                              .build());
  ASSERT_TRUE(imported.ok()) << imported.model.error().message;
  EXPECT_EQ(imported.op_types(), (std::vector<std::string>{"Relu", "Neg"}));
}

TEST(ImportTest, GemmIsItsProductAndTheRest) {
  const Imported imported(ModelBuilder()
                              .input("x", {1, 2})
                              .constant(floats("b", {2, 2}, {1, 2, 3, 4}))
                              .constant(floats("c", {2}, {1, 2}))
                              .add(node("Gemm", {"x", "b", "c"}, {"y"},
                                        {testing::float_attribute("alpha", 2), testing::float_attribute("beta", 3)}))
                              .output("y")
                              .build());
  ASSERT_TRUE(imported.ok());
  // beta * C is computed at once: both are small constants.
  EXPECT_EQ(imported.op_types(), (std::vector<std::string>{"Gemm", "ScalarLike", "Mul", "Add"}));
}

TEST(ImportTest, ShapeArithmeticOnConstantsIsDoneAtOnce) {
  const Imported imported(ModelBuilder()
                              .input("x", {1, 6})
                              .constant(int64s("two", {1}, {2}))
                              .constant(int64s("three", {1}, {3}))
                              .add(node("Concat", {"two", "three"}, {"shape"}, {testing::int_attribute("axis", 0)}))
                              .add(node("Reshape", {"x", "shape"}, {"y"}))
                              .output("y")
                              .build());
  ASSERT_TRUE(imported.ok());
  EXPECT_EQ(imported.op_types(), (std::vector<std::string>{"Reshape"}));
}

// Attribute forms of older operator sets become inputs.
TEST(ImportTest, RefusesWhatCannotCrossTheBorder) {
  const auto model = [](int input, int output) {
    return ModelBuilder().input("x", {2}, input).add(node("Identity", {"x"}, {"y"})).output("y", output);
  };
  const auto unsupported = ErrorCode::kOpUnsupported;
  expect_refused(model(16, 1), unsupported, "input 'x': tensors of bfloat16 are not supported");
  expect_refused(model(8, 1), unsupported, "input 'x': tensors of string are not supported");
  expect_refused(model(14, 1), unsupported, "input 'x': tensors of type 14 are not supported");
  expect_refused(model(1 << 20, 1), unsupported, "input 'x': tensors of type 1048576 are not supported");
  expect_refused(model(0, 1), unsupported, "input 'x': no dense tensor");
  expect_refused(model(1, 16), unsupported, "output 'y': tensors of bfloat16 are not supported");
  EXPECT_TRUE(Imported(model(10, 10).build()).ok()) << "float16 is stored";
}

// Optionals are resolved as far as the file tells: one with a value is the value.
TEST(ImportTest, OptionalsOfTheFile) {
  const Imported imported(ModelBuilder()
                              .input("x", {2})
                              .add(node("Optional", {"x"}, {"some"}))
                              .add(node("OptionalGetElement", {"some"}, {"element"}))
                              .add(node("Relu", {"element"}, {"y"}))
                              .add(node("OptionalHasElement", {"some"}, {"yes"}))
                              .add(node("OptionalHasElement", {}, {"no"}))
                              .output("y")
                              .output("yes", 9)
                              .output("no", 9)
                              .build());
  ASSERT_TRUE(imported.ok()) << imported.model.error().message;
  EXPECT_EQ(imported.op_types(), (std::vector<std::string>{"Relu"}));
  EXPECT_EQ(*imported.graph().values[imported.graph().outputs[1]].constant->data, 1);
  EXPECT_EQ(*imported.graph().values[imported.graph().outputs[2]].constant->data, 0);
  expect_refused(ModelBuilder()
                     .input("x", {2})
                     .add(node("Optional", {}, {"none"}))
                     .add(node("OptionalGetElement", {"none"}, {"y"}))
                     .output("y"),
                 ErrorCode::kOpUnsupported, "an optional without a value");
}

TEST(ImportTest, LegacyAttributesBecomeInputs) {
  ModelBuilder builder;
  builder.opset = 9;
  builder.input("x", {1, 1, 4, 4})
      .add(node("Clip", {"x"}, {"a"}, {testing::float_attribute("max", 6)}))
      .add(node("Slice", {"a"}, {"b"}, {testing::ints_attribute("starts", {0}), testing::ints_attribute("ends", {2})}))
      .add(node("Pad", {"b"}, {"c"}, {testing::ints_attribute("pads", {0, 0, 1, 1, 0, 0, 1, 1})}))
      .add(node("Squeeze", {"c"}, {"d"}, {testing::ints_attribute("axes", {0})}))
      .add(node("Unsqueeze", {"d"}, {"y"}, {testing::ints_attribute("axes", {0})}))
      .output("y");
  const Imported imported(builder.build());
  ASSERT_TRUE(imported.ok()) << imported.model.error().message;
  std::vector<size_t> inputs;
  for (const Node& n : imported.graph().nodes) inputs.push_back(n.inputs.size());
  EXPECT_EQ(inputs, (std::vector<size_t>{1, 3, 4, 4, 2, 2}));
}

}  // namespace
}  // namespace sealedge
