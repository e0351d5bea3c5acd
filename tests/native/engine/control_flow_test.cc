// If, Loop and Scan against what the standard's pseudo-code gives.
#include "engine/control_flow.h"

#include <gtest/gtest.h>

#include <thread>

#include "run_any.h"

namespace sealedge {
namespace {

using namespace testing;

std::vector<AnyTensor> run_ok(const std::shared_ptr<Session>& session, const std::map<std::string, AnyTensor>& inputs) {
  if (!session) return {};
  auto outputs = run_any(*session, inputs);
  if (!outputs.ok()) ADD_FAILURE() << outputs.error().message;
  return outputs.ok() ? std::move(*outputs) : std::vector<AnyTensor>{};
}

void expect_refused(const ModelBuilder& builder, ErrorCode code, const std::string& part) {
  const auto session = Session::create_from_bytes(builder.build(), {});
  ASSERT_FALSE(session.ok()) << part;
  EXPECT_EQ(session.error().code, code) << session.error().message;
  EXPECT_NE(session.error().message.find(part), std::string::npos) << session.error().message;
}

// y = condition ? x + x : Concat(x, w, x), both of values from outside.
ModelBuilder two_branches() {
  ModelBuilder then_branch;
  then_branch.add(node("Add", {"x", "x"}, {"sum"})).output("sum");
  ModelBuilder else_branch;
  else_branch.constant(floats("w", {2}, {10, 20}));
  else_branch.add(node("Concat", {"x", "w", "x"}, {"all"}, {int_attribute("axis", 0)})).output("all");
  ModelBuilder builder;
  builder.add(node("If", {"condition"}, {"chosen"},
                   {graph_attribute("then_branch", then_branch), graph_attribute("else_branch", else_branch)}));
  builder.add(node("Neg", {"chosen"}, {"y"})).output("y");
  return builder;
}

TEST(IfTest, BranchesMayMakeOtherShapes) {
  ModelBuilder builder = two_branches();
  builder.input("x", {-1}).input("condition", {}, 9);
  const auto session = load(builder);
  for (int round = 0; round < 20; ++round) {
    const auto summed = run_ok(session, {{"x", f32({2}, {1, 2})}, {"condition", boolean(true)}});
    EXPECT_EQ(summed.at(0).values<float>(), (std::vector<float>{-2, -4}));
    const auto joined = run_ok(session, {{"x", f32({1}, {3})}, {"condition", boolean(false)}});
    EXPECT_EQ(joined.at(0).values<float>(), (std::vector<float>{-3, -10, -20, -3}));
  }
}

TEST(IfTest, AConditionMayBeComputedFromData) {
  ModelBuilder builder = two_branches();
  builder.input("x", {-1}).constant(floats("zero", {}, {0}));
  builder.nodes.insert(builder.nodes.begin(), node("Greater", {"total", "zero"}, {"condition"}));
  builder.nodes.insert(builder.nodes.begin(), node("ReduceSum", {"x"}, {"total"}, {int_attribute("keepdims", 0)}));
  const auto session = load(builder);
  EXPECT_EQ(run_ok(session, {{"x", f32({2}, {1, 2})}}).at(0).values<float>(), (std::vector<float>{-2, -4}));
  EXPECT_EQ(run_ok(session, {{"x", f32({2}, {1, -2})}}).at(0).values<float>(),
            (std::vector<float>{-1, 2, -10, -20, -1, 2}));
}

// The rank decides, which is known when planning: everything becomes one plan.
TEST(IfTest, AConditionOnShapesIsResolvedWhenPlanning) {
  ModelBuilder inner_then;
  inner_then.add(node("Neg", {"x"}, {"negated"})).output("negated");
  ModelBuilder inner_else;
  inner_else.output("x");
  ModelBuilder outer_then;
  outer_then.add(node("If", {"is_long"}, {"inner"},
                      {graph_attribute("then_branch", inner_then), graph_attribute("else_branch", inner_else)}));
  outer_then.output("inner");
  ModelBuilder outer_else;
  outer_else.add(node("Exp", {"x"}, {"power"})).output("power");
  ModelBuilder builder;
  builder.input("x", {-1}).constant(int64s("three", {1}, {3})).constant(int64s("one", {1}, {1}));
  builder.add(node("Shape", {"x"}, {"dims"}));
  builder.add(node("Greater", {"dims", "three"}, {"is_long"})).add(node("Greater", {"dims", "one"}, {"is_some"}));
  builder.add(node("If", {"is_some"}, {"chosen"},
                   {graph_attribute("then_branch", outer_then), graph_attribute("else_branch", outer_else)}));
  builder.add(node("Abs", {"chosen"}, {"y"})).output("y").output("chosen");
  const auto session = load(builder);
  const auto negated = run_ok(session, {{"x", f32({4}, {1, 2, 3, 4})}});
  EXPECT_EQ(negated.at(1).values<float>(), (std::vector<float>{-1, -2, -3, -4}));
  EXPECT_EQ(session->report().step_count, 2u);
  const auto same = run_ok(session, {{"x", f32({2}, {-1, 2})}});
  EXPECT_EQ(same.at(0).values<float>(), (std::vector<float>{1, 2}));
  EXPECT_EQ(same.at(1).values<float>(), (std::vector<float>{-1, 2}));
  EXPECT_EQ(run_ok(session, {{"x", f32({1}, {0})}}).at(0).values<float>(), std::vector<float>{1});
}

// A running product and all its steps; w comes from outside, the body has a constant of its own.
ModelBuilder product_body() {
  ModelBuilder body;
  body.input("i", {}, 7).input("go_on", {}, 9).input("state", {-1});
  body.constant(floats("half", {1}, {0.5f}));
  body.add(node("Mul", {"state", "w"}, {"scaled"})).add(node("Add", {"scaled", "half"}, {"next"}));
  body.add(node("Identity", {"go_on"}, {"still"}));
  body.output("still", 9).output("next").output("scaled");
  return body;
}

TEST(LoopTest, CarriesStatesAndStacksScanOutputs) {
  ModelBuilder builder;
  builder.input("count", {}, 7).input("x", {-1}).input("w", {-1}).output("y").output("steps");
  builder.add(node("Loop", {"count", "", "x"}, {"y", "steps"}, {graph_attribute("body", product_body())}));
  const auto session = load(builder);
  for (int64_t count : {0, 1, 3, 7, 100}) {
    std::vector<float> state = {1, 2}, steps;
    for (int64_t i = 0; i < count; ++i) {
      for (float& v : state) {
        steps.push_back(v * 0.5f);
        v = v * 0.5f + 0.5f;
      }
    }
    const auto outputs =
        run_ok(session, {{"count", i64({}, {count})}, {"x", f32({2}, {1, 2})}, {"w", f32({1}, {0.5f})}});
    EXPECT_EQ(outputs.at(0).values<float>(), state);
    EXPECT_EQ(outputs.at(1).dims, (std::vector<int64_t>{count, 2}));
    EXPECT_EQ(outputs.at(1).values<float>(), steps);
  }
}

// Dims of the state grow; the trip count is absent and the condition ends it.
TEST(LoopTest, AStateMayChangeItsDims) {
  ModelBuilder body;
  body.input("i", {1}, 7).input("go_on", {1}, 9).input("state", {-1}, 7);
  body.constant(int64s("five", {1}, {5}));
  body.add(node("Concat", {"state", "i"}, {"longer"}, {int_attribute("axis", 0)}));
  body.add(node("Less", {"i", "five"}, {"still"})).output("still", 9).output("longer", 7);
  ModelBuilder builder;
  builder.input("start", {-1}, 7).input("go", {}, 9).output("y", 7);
  builder.add(node("Loop", {"", "go", "start"}, {"y"}, {graph_attribute("body", body)}));
  const auto session = load(builder);
  for (int round = 0; round < 3; ++round) {
    const auto outputs = run_ok(session, {{"start", i64({1}, {-1})}, {"go", boolean(true)}});
    EXPECT_EQ(outputs.at(0).values<int64_t>(), (std::vector<int64_t>{-1, 0, 1, 2, 3, 4, 5}));
  }
  EXPECT_EQ(run_ok(session, {{"start", i64({1}, {-1})}, {"go", boolean(false)}}).at(0).values<int64_t>(),
            std::vector<int64_t>{-1});
}

// The body takes a slice by the number of the iteration: its shape is known, its elements are not part of any plan.
TEST(LoopTest, ABodyMayReadElementsThatChangeWithEveryIteration) {
  ModelBuilder body;
  body.input("i", {}, 7).input("go_on", {}, 9).input("state", {2});
  body.constant(int64s("one", {1}, {1})).constant(int64s("flat", {1}, {1})).constant(int64s("axis", {1}, {0}));
  body.add(node("Reshape", {"i", "flat"}, {"from"})).add(node("Add", {"from", "one"}, {"to"}));
  body.add(node("Slice", {"rows", "from", "to", "axis"}, {"row"})).add(node("Squeeze", {"row", "axis"}, {"flat_row"}));
  body.add(node("Add", {"state", "flat_row"}, {"sum"})).add(node("Identity", {"go_on"}, {"still"}));
  body.output("still", 9).output("sum").output("sum");
  ModelBuilder builder;
  builder.input("rows", {-1, 2}).input("x", {2}).input("count", {}, 7).output("y").output("all");
  builder.add(node("Loop", {"count", "", "x"}, {"y", "all"}, {graph_attribute("body", body)}));
  const auto session = load(builder);
  std::vector<float> rows(60), expected;
  float a = 0, b = 0;
  for (size_t i = 0; i < 30; ++i) {
    rows[2 * i] = static_cast<float>(i);
    rows[2 * i + 1] = 1;
    expected.insert(expected.end(), {a += static_cast<float>(i), b += 1});
  }
  const auto outputs =
      run_ok(session, {{"rows", f32({30, 2}, rows)}, {"x", f32({2}, {0, 0})}, {"count", i64({}, {30})}});
  EXPECT_EQ(outputs.at(1).values<float>(), expected);
}

TEST(LoopTest, LoopsNestAndSeeEveryGraphAroundThem) {
  ModelBuilder inner;
  inner.input("j", {}, 7).input("inner_go", {}, 9).input("acc", {});
  inner.add(node("Add", {"acc", "outermost"}, {"part"})).add(node("Add", {"part", "in_outer"}, {"acc_next"}));
  inner.add(node("Identity", {"inner_go"}, {"inner_still"})).output("inner_still", 9).output("acc_next");
  ModelBuilder outer;
  outer.input("i", {}, 7).input("go", {}, 9).input("total", {});
  outer.add(node("Cast", {"i"}, {"in_outer"}, {int_attribute("to", 1)}));
  outer.add(node("Loop", {"times", "", "total"}, {"after"}, {graph_attribute("body", inner)}));
  outer.add(node("Identity", {"go"}, {"still"})).output("still", 9).output("after");
  ModelBuilder builder;
  builder.input("outermost", {}).input("times", {}, 7).constant(floats("zero", {}, {0})).output("y");
  builder.add(node("Loop", {"times", "", "zero"}, {"y"}, {graph_attribute("body", outer)}));
  const auto session = load(builder);
  // 4 * 4 times 0.5, and 4 * (0 + 1 + 2 + 3)
  EXPECT_EQ(run_ok(session, {{"outermost", f32({}, {0.5f})}, {"times", i64({}, {4})}}).at(0).values<float>(),
            std::vector<float>{32});
}

// Weights of bodies are packed like others.
TEST(LoopTest, BodiesHaveWeights) {
  std::vector<float> weights(64 * 64, 0.0f);
  for (size_t i = 0; i < 64; ++i) weights[i * 64 + (i + 1) % 64] = 1;  // turns the vector by one
  ModelBuilder body;
  body.input("i", {}, 7).input("go", {}, 9).input("state", {1, 64}).constant(floats("weights", {64, 64}, weights));
  body.add(node("MatMul", {"state", "weights"}, {"turned"})).add(node("Identity", {"go"}, {"still"}));
  body.output("still", 9).output("turned");
  ModelBuilder builder;
  builder.input("x", {1, 64}).input("count", {}, 7).output("y");
  builder.add(node("Loop", {"count", "", "x"}, {"y"}, {graph_attribute("body", body)}));
  std::vector<float> x(64), expected(64);
  for (size_t i = 0; i < 64; ++i) expected[(i + 5) % 64] = x[i] = static_cast<float>(i);
  EXPECT_EQ(run_ok(load(builder), {{"x", f32({1, 64}, x)}, {"count", i64({}, {5})}}).at(0).values<float>(), expected);
}

TEST(LoopTest, AnEndlessLoopCanBeAborted) {
  ModelBuilder builder;
  builder.input("x", {1}).input("w", {1}).output("y");
  builder.constant(int64s("count", {}, {int64_t{1} << 62}));
  ModelBuilder body = product_body();
  body.outputs.pop_back();
  builder.add(node("Loop", {"count", "", "x"}, {"y"}, {graph_attribute("body", body)}));
  const auto session = load(builder);
  ASSERT_TRUE(session);
  std::atomic<bool> cancelled = false;
  std::thread canceller([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    cancelled = true;
  });
  const auto outputs = run_any(*session, {{"x", f32({1}, {1})}, {"w", f32({1}, {1})}}, {&cancelled});
  canceller.join();
  ASSERT_FALSE(outputs.ok());
  EXPECT_EQ(outputs.error().code, ErrorCode::kAborted);
}

TEST(LoopTest, StackedOutputsAreBounded) {
  ModelBuilder builder;
  builder.input("x", {-1}).input("w", {1}).output("y").output("steps");
  builder.constant(int64s("count", {}, {int64_t{1} << 40}));
  builder.add(node("Loop", {"count", "", "x"}, {"y", "steps"}, {graph_attribute("body", product_body())}));
  SessionOptions options;
  options.limits.max_tensor_bytes = 1 << 20;
  const auto session = Session::create_from_bytes(builder.build(), options);
  ASSERT_TRUE(session.ok()) << session.error().message;
  const auto outputs = run_any(**session, {{"x", f32({1000}, std::vector<float>(1000))}, {"w", f32({1}, {1})}});
  ASSERT_FALSE(outputs.ok());
  EXPECT_EQ(outputs.error().code, ErrorCode::kLimitExceeded);
}

TEST(LoopTest, ScanOutputsMustNotChange) {
  ModelBuilder body;
  body.input("i", {1}, 7).input("go", {}, 9).input("state", {-1}, 7);
  body.add(node("Concat", {"state", "i"}, {"longer"}, {int_attribute("axis", 0)}));
  body.add(node("Identity", {"go"}, {"still"})).output("still", 9).output("longer", 7).output("longer", 7);
  ModelBuilder builder;
  builder.input("x", {-1}, 7).constant(int64s("count", {}, {3})).output("y", 7).output("all", 7);
  builder.add(node("Loop", {"count", "", "x"}, {"y", "all"}, {graph_attribute("body", body)}));
  const auto outputs = run_any(*load(builder), {{"x", i64({1}, {0})}});
  ASSERT_FALSE(outputs.ok());
  EXPECT_EQ(outputs.error().code, ErrorCode::kShapeMismatch);
  EXPECT_NE(outputs.error().message.find("Loop 'make_y'"), std::string::npos) << outputs.error().message;
}

// state + slice, and the slice negated.
ModelBuilder sum_body() {
  ModelBuilder body;
  body.input("state", {2}).input("slice", {2});
  body.add(node("Add", {"state", "slice"}, {"next"})).add(node("Neg", {"slice"}, {"negated"}));
  body.output("next").output("negated");
  return body;
}

TEST(ScanTest, WalksAnyAxisInBothDirections) {
  for (int64_t input_axis : {0, 1, -1}) {
    for (int64_t output_axis : {0, 1, -1}) {
      for (int64_t input_back : {0, 1}) {
        for (int64_t output_back : {0, 1}) {
          ModelBuilder builder;
          builder.input("x", {-1, -1}).input("start", {2}).output("sum").output("y");
          builder.add(
              node("Scan", {"start", "x"}, {"sum", "y"},
                   {graph_attribute("body", sum_body()), int_attribute("num_scan_inputs", 1),
                    ints_attribute("scan_input_axes", {input_axis}), ints_attribute("scan_output_axes", {output_axis}),
                    ints_attribute("scan_input_directions", {input_back}),
                    ints_attribute("scan_output_directions", {output_back})}));
          const std::vector<int64_t> dims = input_axis == 0 ? std::vector<int64_t>{3, 2} : std::vector<int64_t>{2, 3};
          // slice t is {t, 10 + t}
          const std::vector<float> x =
              input_axis == 0 ? std::vector<float>{0, 10, 1, 11, 2, 12} : std::vector<float>{0, 1, 2, 10, 11, 12};
          const auto outputs = run_ok(load(builder), {{"x", f32(dims, x)}, {"start", f32({2}, {100, 200})}});
          EXPECT_EQ(outputs.at(0).values<float>(), (std::vector<float>{103, 233}));
          const bool turned = input_back != output_back;
          std::vector<float> y;
          if (output_axis == 0) {
            y = turned ? std::vector<float>{-2, -12, -1, -11, -0.0f, -10}
                       : std::vector<float>{-0.0f, -10, -1, -11, -2, -12};
          } else {
            y = turned ? std::vector<float>{-2, -1, -0.0f, -12, -11, -10}
                       : std::vector<float>{-0.0f, -1, -2, -10, -11, -12};
          }
          EXPECT_EQ(outputs.at(1).values<float>(), y);
        }
      }
    }
  }
}

TEST(ScanTest, OfNothingIsEmpty) {
  ModelBuilder builder;
  builder.input("x", {-1, 2}).input("start", {2}).output("sum").output("y");
  builder.add(node("Scan", {"start", "x"}, {"sum", "y"},
                   {graph_attribute("body", sum_body()), int_attribute("num_scan_inputs", 1)}));
  const auto outputs = run_ok(load(builder), {{"x", f32({0, 2}, {})}, {"start", f32({2}, {1, 2})}});
  EXPECT_EQ(outputs.at(0).values<float>(), (std::vector<float>{1, 2}));
  EXPECT_EQ(outputs.at(1).dims, (std::vector<int64_t>{0, 2}));
}

TEST(ScanTest, Opset8HasABatchAndLengths) {
  ModelBuilder builder;
  builder.opset = 8;
  builder.input("lengths", {2}, 7).input("x", {2, -1, 2}).input("start", {2, 2}).output("sum").output("y");
  builder.add(node("Scan", {"lengths", "start", "x"}, {"sum", "y"},
                   {graph_attribute("body", sum_body()), int_attribute("num_scan_inputs", 1)}));
  const auto outputs = run_ok(load(builder), {{"lengths", i64({2}, {3, 1})},
                                              {"x", f32({2, 3, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})},
                                              {"start", f32({2, 2}, {0, 0, 100, 200})}});
  EXPECT_EQ(outputs.at(0).values<float>(), (std::vector<float>{9, 12, 107, 208}));
  EXPECT_EQ(outputs.at(1).dims, (std::vector<int64_t>{2, 3, 2}));
  EXPECT_EQ(outputs.at(1).values<float>(), (std::vector<float>{-1, -2, -3, -4, -5, -6, -7, -8, 0, 0, 0, 0}));
}

TEST(ScanTest, LengthsMustAgree) {
  ModelBuilder body;
  body.input("a", {}).input("b", {}).add(node("Add", {"a", "b"}, {"c"})).output("c");
  ModelBuilder builder;
  builder.input("x", {-1}).input("y", {-1}).output("z");
  builder.add(node("Scan", {"x", "y"}, {"z"}, {graph_attribute("body", body), int_attribute("num_scan_inputs", 2)}));
  const auto session = load(builder);
  EXPECT_EQ(run_ok(session, {{"x", f32({2}, {1, 2})}, {"y", f32({2}, {3, 4})}}).at(0).values<float>(),
            (std::vector<float>{4, 6}));
  const auto outputs = run_any(*session, {{"x", f32({2}, {1, 2})}, {"y", f32({3}, {3, 4, 5})}});
  ASSERT_FALSE(outputs.ok());
  EXPECT_EQ(outputs.error().code, ErrorCode::kShapeMismatch);
}

TEST(ControlFlowTest, RefusesBodiesThatDoNotFit) {
  ModelBuilder unknown;
  unknown.add(node("Neg", {"later"}, {"n"})).output("n");
  ModelBuilder fine;
  fine.add(node("Neg", {"x"}, {"n"})).output("n");
  const auto if_node = [&](const ModelBuilder& then_branch, const ModelBuilder& else_branch) {
    return node("If", {"c"}, {"y"},
                {graph_attribute("then_branch", then_branch), graph_attribute("else_branch", else_branch)});
  };
  ModelBuilder base;
  base.input("x", {1}).input("c", {}, 9).output("y");

  // Made after the node that reads it.
  expect_refused(ModelBuilder(base).add(if_node(unknown, fine)).add(node("Neg", {"x"}, {"later"})),
                 ErrorCode::kModelInvalid, "reads 'later', which nothing makes");
  // Made by the node itself.
  ModelBuilder own;
  own.add(node("Neg", {"y"}, {"n"})).output("n");
  expect_refused(ModelBuilder(base).add(if_node(own, fine)), ErrorCode::kModelInvalid, "which the node itself makes");
  ModelBuilder two = fine;
  two.output("n");
  expect_refused(ModelBuilder(base).add(if_node(fine, two)), ErrorCode::kModelInvalid, "outputs of the else branch");
  ModelBuilder with_input = fine;
  with_input.input("z", {1});
  expect_refused(ModelBuilder(base).add(if_node(with_input, fine)), ErrorCode::kModelInvalid, "a branch has inputs");
  expect_refused(ModelBuilder(base).add(node("If", {"c"}, {"y"}, {graph_attribute("then_branch", fine)})),
                 ErrorCode::kModelInvalid, "else_branch");
  expect_refused(ModelBuilder(base).add(node("Loop", {"", "c", "x"}, {"y"}, {graph_attribute("body", fine)})),
                 ErrorCode::kModelInvalid, "inputs of the body: expected 3, got 0");
  ModelBuilder missing;
  missing.add(node("NoSuchOp", {"x"}, {"n"})).output("n");
  expect_refused(ModelBuilder(base).add(if_node(fine, missing)), ErrorCode::kOpUnsupported, "NoSuchOp");
  const auto session = load(ModelBuilder(base).add(if_node(fine, fine)));
  ASSERT_TRUE(session);
  base.inputs.pop_back();
  base.input("c", {1}, 1);
  const auto outputs =
      run_any(*load(ModelBuilder(base).add(if_node(fine, fine))), {{"x", f32({1}, {1})}, {"c", f32({1}, {1})}});
  ASSERT_FALSE(outputs.ok());
  EXPECT_EQ(outputs.error().code, ErrorCode::kModelInvalid) << outputs.error().message;
}

TEST(ControlFlowTest, NestingIsBounded) {
  ModelBuilder graph;
  graph.add(node("Neg", {"x"}, {"leaf"})).output("leaf");
  for (int depth = 0; depth < 40; ++depth) {
    const std::string name = "if" + std::to_string(depth);
    ModelBuilder outer;
    outer.add(
        node("If", {"c"}, {name}, {graph_attribute("then_branch", graph), graph_attribute("else_branch", graph)}));
    outer.output(name);
    if (depth > 9)
      outer.nodes = {node("If", {"c"}, {name}, {graph_attribute("then_branch", graph)})};  // not 2^40 bytes
    graph = outer;
  }
  graph.input("x", {1}).input("c", {}, 9);
  expect_refused(graph, ErrorCode::kLimitExceeded, "graphs inside one another");
}

}  // namespace
}  // namespace sealedge
