// Operators that move elements do so on bytes.
#include <gtest/gtest.h>

#include "quantised_models.h"

namespace sealedge {
namespace {

using namespace testing;

TEST(QuantisedMovesTest, MovesHappenOnBytes) {
  ModelBuilder model = with_input();
  model.add(node("Transpose", {"f"}, {"t"}, {ints_attribute("perm", {0, 2, 3, 1})}))
      .add(node("QuantizeLinear", {"t", "s", "z"}, {"q2"}))
      .add(node("DequantizeLinear", {"q2", "s", "z"}, {"y"}))
      .output("y");
  EXPECT_EQ(steps_of(model, image()), 3u);
}

// Every operator that quantise_moves.cc lets past a DequantizeLinear: the bytes moved, then dequantised, are the
// numbers moved.
TEST(QuantisedMovesTest, EveryMoveKeepsTheValues) {
  struct Move {
    const char* op_type;
    std::vector<Proto> constants;
    std::vector<std::string> more_inputs;
    std::vector<Proto> attributes;
    std::vector<std::string> outputs = {"y"};
  };
  const std::vector<Move> moves = {
      {"DepthToSpace", {}, {}, {int_attribute("blocksize", 1)}},
      {"SpaceToDepth", {}, {}, {int_attribute("blocksize", 2)}},
      {"Expand", {int64s("to", {4}, {3, 2, 4, 4})}, {"to"}, {}},
      {"Flatten", {}, {}, {int_attribute("axis", 2)}},
      {"Gather", {int64s("at", {2}, {3, -2})}, {"at"}, {int_attribute("axis", 2)}},
      {"GlobalMaxPool", {}, {}, {}},
      {"Identity", {}, {}, {}},
      {"MaxPool", {}, {}, {ints_attribute("kernel_shape", {3, 2}), ints_attribute("pads", {1, 0, 1, 1})}},
      {"MaxPool",
       {},
       {},
       {ints_attribute("kernel_shape", {3, 3}), int_attribute("ceil_mode", 1), ints_attribute("strides", {2, 2})}},
      {"Pad", {int64s("pads", {8}, {0, 1, 0, 2, 0, 0, 1, 0})}, {"pads"}, {}},
      {"Pad", {int64s("pads", {8}, {0, 0, 1, 2, 0, 0, 1, 0}), floats("v", {}, {0.1f})}, {"pads", "v"}, {}},
      {"Pad", {int64s("pads", {8}, {0, 0, 1, 2, 0, 0, 1, 0}), floats("v", {}, {0.123f})}, {"pads", "v"}, {}},
      {"Pad", {int64s("pads", {8}, {0, 0, 1, 2, 0, 0, 1, 0})}, {"pads"}, {string_attribute("mode", "reflect")}},
      {"Reshape", {int64s("to", {2}, {8, 4})}, {"to"}, {}},
      {"Slice",
       {int64s("a", {2}, {3, 1}), int64s("b", {2}, {-9, 4}), int64s("c", {2}, {2, 3}), int64s("d", {2}, {-2, 1})},
       {"a", "b", "c", "d"},
       {}},
      {"Split", {int64s("parts", {2}, {1, 3})}, {"parts"}, {int_attribute("axis", 3)}, {"y", "y2"}},
      {"Squeeze", {int64s("axes", {1}, {0})}, {"axes"}, {}},
      {"Tile", {int64s("times", {4}, {1, 2, 1, 3})}, {"times"}, {}},
      {"Transpose", {}, {}, {ints_attribute("perm", {3, 1, 0, 2})}},
      {"Unsqueeze", {int64s("axes", {1}, {2})}, {"axes"}, {}},
  };
  const FloatTensor x = image();
  FloatTensor dequantised = x;
  const Quant q = {true, 0.05f, 3};
  for (float& v : dequantised.values) v = dequantise(quantise(v, q), q);
  for (const Move& move : moves) {
    ModelBuilder quantised = with_input(), plain;
    plain.input("x", {1, 2, 4, 4});
    std::vector<std::string> inputs = {"f"}, plain_inputs = {"x"};
    for (const std::string& name : move.more_inputs) {
      inputs.push_back(name);
      plain_inputs.push_back(name);
    }
    for (const auto& constant : move.constants) {
      quantised.constant(constant);
      plain.constant(constant);
    }
    quantised.add(node(move.op_type, inputs, move.outputs, move.attributes));
    plain.add(node(move.op_type, plain_inputs, move.outputs, move.attributes));
    for (const std::string& output : move.outputs) {
      quantised.output(output);
      plain.output(output);
    }
    const auto got = run_model(quantised, {{"x", x}});
    const auto want = run_model(plain, {{"x", dequantised}});
    ASSERT_EQ(got.size(), want.size()) << move.op_type;
    for (size_t i = 0; i < got.size(); i++) {
      EXPECT_EQ(got[i].dims, want[i].dims) << move.op_type;
      EXPECT_EQ(got[i].values, want[i].values) << move.op_type;
    }
  }
}

}  // namespace
}  // namespace sealedge
