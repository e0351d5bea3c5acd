// Operators that a model defines itself: put in place of their calls.
#include <gtest/gtest.h>

#include "run_any.h"

namespace sealedge {
namespace {

using namespace testing;

Proto function(const std::string& name, const std::vector<std::string>& inputs, const std::vector<std::string>& outputs,
               const std::vector<Proto>& nodes, const std::vector<Proto>& defaults = {}) {
  Proto proto = Proto().bytes(1, name).bytes(10, "own");
  for (const std::string& input : inputs) proto.bytes(4, input);
  for (const std::string& output : outputs) proto.bytes(5, output);
  for (const Proto& part : nodes) proto.message(7, part);
  for (const Proto& attribute : defaults) proto.message(11, attribute);
  return proto.message(9, Proto().bytes(1, "").varint(2, 17)).message(9, Proto().bytes(1, "own").varint(2, 1));
}

// attribute `name` of a node stands for attribute `of` of the call
Proto referring(const std::string& name, const std::string& of, int type) {
  return Proto().bytes(1, name).bytes(21, of).varint(20, static_cast<uint64_t>(type));
}

TEST(FunctionsTest, CallsHaveTheirOwnAttributesAndNames) {
  ModelBuilder builder;
  builder.function(
      function("Leak", {"x"}, {"y"},
               {node("LeakyRelu", {"x"}, {"t"}, {referring("alpha", "slope", 1)}), node("Identity", {"t"}, {"y"})},
               {float_attribute("slope", 0.5f)}));
  builder.function(function("Twice", {"x", "bias"}, {"y"},
                            {node("Leak", {"x"}, {"t"}, {referring("slope", "slope", 1)}, "own"),
                             node("Leak", {"t"}, {"u"}, {}, "own"), node("Sum", {"u", "bias"}, {"y"})}));
  builder.input("t", {2}).input("b", {2}).output("first").output("second");
  builder.add(node("Twice", {"t", "b"}, {"first"}, {float_attribute("slope", 0.25f)}, "own"));
  builder.add(node("Leak", {"first"}, {"second"}, {}, "own"));
  const auto session = load(builder);
  ASSERT_TRUE(session);
  const auto outputs = run_any(*session, {{"t", f32({2}, {-8, 8})}, {"b", f32({2}, {0, 1})}});
  ASSERT_TRUE(outputs.ok()) << outputs.error().message;
  EXPECT_EQ((*outputs)[0].values<float>(), (std::vector<float>{-1, 9}));  // -8 * 0.25 * 0.5
  EXPECT_EQ((*outputs)[1].values<float>(), (std::vector<float>{-0.5f, 9}));
}

// A body inside a function sees the function's names; names of the caller are nowhere to be seen.
TEST(FunctionsTest, BodiesInsideSeeTheFunction) {
  ModelBuilder branch;
  branch.add(node("LeakyRelu", {"inner"}, {"o"}, {referring("alpha", "slope", 1)})).output("o");
  ModelBuilder other;
  other.add(node("Neg", {"inner"}, {"o"})).output("o");
  ModelBuilder builder;
  builder.function(function(
      "Choose", {"x", "c"}, {"y"},
      {node("Mul", {"x", "x"}, {"inner"}),
       node("If", {"c"}, {"y"}, {graph_attribute("then_branch", branch), graph_attribute("else_branch", other)})}));
  builder.input("v", {2}).input("condition", {}, 9).output("w");
  builder.add(node("Choose", {"v", "condition"}, {"w"}, {float_attribute("slope", 0.1f)}, "own"));
  const auto session = load(builder);
  ASSERT_TRUE(session);
  const auto yes = run_any(*session, {{"v", f32({2}, {2, 3})}, {"condition", boolean(true)}});
  ASSERT_TRUE(yes.ok()) << yes.error().message;
  EXPECT_EQ((*yes)[0].values<float>(), (std::vector<float>{4, 9}));
  const auto no = run_any(*session, {{"v", f32({2}, {2, 3})}, {"condition", boolean(false)}});
  ASSERT_TRUE(no.ok()) << no.error().message;
  EXPECT_EQ((*no)[0].values<float>(), (std::vector<float>{-4, -9}));

  builder.functions = {function("Choose", {"x", "c"}, {"y"}, {node("Neg", {"v"}, {"y"})})};
  const auto outside = Session::create_from_bytes(builder.build(), {});
  ASSERT_FALSE(outside.ok());
  EXPECT_NE(outside.error().message.find("reads 'v', which nothing makes"), std::string::npos)
      << outside.error().message;
}

TEST(FunctionsTest, RefusesWhatWouldNotEnd) {
  ModelBuilder recursive;
  recursive.input("x", {1}).output("y").add(node("Again", {"x"}, {"y"}, {}, "own"));
  recursive.function(function("Again", {"x"}, {"y"}, {node("Again", {"x"}, {"y"}, {}, "own")}));
  auto session = Session::create_from_bytes(recursive.build(), {});
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().code, ErrorCode::kLimitExceeded);

  // Each calls the one before it four times: 4^12 nodes.
  ModelBuilder bomb;
  bomb.function(function("F0", {"x"}, {"y"}, {node("Neg", {"x"}, {"y"})}));
  for (int i = 1; i < 13; ++i) {
    const std::string inner = "F" + std::to_string(i - 1);
    bomb.function(function("F" + std::to_string(i), {"x"}, {"y"},
                           {node(inner, {"x"}, {"a"}, {}, "own"), node(inner, {"a"}, {"b"}, {}, "own"),
                            node(inner, {"b"}, {"c"}, {}, "own"), node(inner, {"c"}, {"y"}, {}, "own")}));
  }
  bomb.input("x", {1}).output("y").add(node("F12", {"x"}, {"y"}, {}, "own"));
  SessionOptions options;
  options.limits.max_nodes = 10000;
  session = Session::create_from_bytes(bomb.build(), options);
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().code, ErrorCode::kLimitExceeded);
  EXPECT_NE(session.error().message.find("expand to more than 10000 nodes"), std::string::npos);
}

TEST(FunctionsTest, RefusesCallsThatDoNotFit) {
  const auto refused = [](const Proto& definition, const Proto& call) {
    ModelBuilder builder;
    builder.function(definition).input("x", {1}).output("y").add(call);
    const auto session = Session::create_from_bytes(builder.build(), {});
    return session.ok() ? std::string() : session.error().message;
  };
  const Proto one = function("One", {"a"}, {"b"}, {node("Neg", {"a"}, {"b"})});
  EXPECT_NE(refused(one, node("One", {"x", "x"}, {"y"}, {}, "own")).find("more inputs or outputs"), std::string::npos);
  EXPECT_NE(refused(one, node("One", {"x"}, {"y", "z"}, {}, "own")).find("more inputs or outputs"), std::string::npos);
  EXPECT_NE(refused(one, node("One", {}, {"y"}, {}, "own")).find("input 0 is missing"), std::string::npos);
  const Proto empty = function("One", {"a"}, {"b"}, {node("Neg", {"a"}, {"c"})});
  EXPECT_NE(refused(empty, node("One", {"x"}, {"y"}, {}, "own")).find("never makes 'b'"), std::string::npos);
}

}  // namespace
}  // namespace sealedge
