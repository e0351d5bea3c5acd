// Files whose structure is wrong: protobuf, names, cycles, versions, domains, nesting. One row per way to fail.
#include <functional>

#include "hostile_models.h"

namespace sealedge {
namespace {

using testing::expect_refused;
using testing::floats;
using testing::Hostile;
using testing::int_attribute;
using testing::ModelBuilder;
using testing::node;
using testing::Proto;

constexpr ErrorCode kLimit = ErrorCode::kLimitExceeded;
constexpr ErrorCode kInvalid = ErrorCode::kModelInvalid;
constexpr ErrorCode kUnsupported = ErrorCode::kOpUnsupported;

ModelBuilder relu() { return ModelBuilder().input("x", {4}).add(node("Relu", {"x"}, {"y"})).output("y"); }

std::vector<uint8_t> bytes(const std::string& text) { return {text.begin(), text.end()}; }

std::vector<uint8_t> model_of(const Proto& graph) {
  return Proto().varint(1, 8).message(7, graph).message(8, Proto().bytes(1, "").varint(2, 17)).data();
}

TEST(HostileGraphsTest, Protobuf) {
  const auto good = relu().build();
  auto cut = good;
  cut.resize(cut.size() - 3);
  auto longer = good;
  longer.push_back(0x3a);  // a second graph, of which only the tag is there
  std::string groups;
  for (int i = 0; i < 100'000; ++i) groups += '\x0b';  // the start of a group, inside a group ...
  // 100,000 messages inside each other, in a field that is skipped: nobody may descend into it.
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep = Proto().bytes(20, deep).str();
  expect_refused({
      {"empty", {}, kInvalid, "no graph in the model"},
      {"zeros", std::vector<uint8_t>(64, 0), kInvalid, "malformed ModelProto"},
      {"text", bytes("this is no model at all"), kInvalid, "malformed ModelProto"},
      {"cut short", cut, kInvalid, "malformed"},
      {"a tag too much", longer, kInvalid, "malformed ModelProto"},
      {"groups in groups", bytes(groups), kInvalid, "malformed ModelProto"},
      {"messages in messages", bytes(deep), kInvalid, "no graph in the model"},
      {"a length beyond the end", bytes("\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), kInvalid, "malformed"},
      {"a varint of 11 bytes", bytes("\x08" + std::string(10, '\xff') + "\x01"), kInvalid, "malformed"},
      {"field number 0", bytes(std::string("\x02\x00", 2)), kInvalid, "malformed"},
      {"two graphs", Proto().message(7, Proto()).message(7, Proto()).data(), kInvalid, "malformed ModelProto"},
      {"graph as a number", Proto().varint(7, 1).data(), kInvalid, "malformed ModelProto"},
      {"node as a number", model_of(Proto().varint(1, 1)), kInvalid, "malformed GraphProto"},
      {"node name as a number", model_of(Proto().message(1, Proto().varint(3, 1))), kInvalid, "malformed NodeProto"},
      {"dims as text of half a varint", model_of(Proto().message(5, Proto().bytes(1, "\xff"))), kInvalid,
       "malformed TensorProto"},
      {"float as a number",
       relu().add(node("Elu", {"y"}, {"z"}, {Proto().bytes(1, "alpha").varint(2, 1)})).output("z").build(), kInvalid,
       "malformed AttributeProto"},
  });
}

TEST(HostileGraphsTest, Names) {
  const auto duplicate = [](const std::vector<Proto>& attributes) {
    return ModelBuilder().input("x", {4}).add(node("LeakyRelu", {"x"}, {"y"}, attributes)).output("y").build();
  };
  std::vector<Proto> many;
  for (int i = 0; i < 50; ++i) many.push_back(int_attribute("a" + std::to_string(i), 1));
  many.push_back(int_attribute("a7", 2));
  expect_refused({
      {"a node reads what nothing makes", relu().add(node("Relu", {"nowhere"}, {"z"})).build(), kInvalid,
       "reads 'nowhere', which nothing makes"},
      {"a node reads itself", relu().add(node("Relu", {"z"}, {"z"})).build(), kInvalid, "cycle through value 'z'"},
      {"two nodes read each other", relu().add(node("Add", {"x", "b"}, {"a"})).add(node("Relu", {"a"}, {"b"})).build(),
       kInvalid, "cycle"},
      {"two nodes make one value", relu().add(node("Exp", {"x"}, {"y"})).build(), kInvalid, "'y' is made twice"},
      {"a node makes one value twice", relu().add(node("Split", {"x"}, {"a", "a"})).build(), kInvalid,
       "'a' is made twice"},
      {"a node makes an input", relu().add(node("Exp", {"y"}, {"x"})).build(), kInvalid, "cycle"},
      {"a node makes an input that nobody reads", relu().input("z", {4}).add(node("Exp", {"y"}, {"z"})).build(),
       kInvalid, "'z' is made twice"},
      {"a node makes an initializer", relu().constant(floats("w", {1}, {1})).add(node("Exp", {"x"}, {"w"})).build(),
       kInvalid, "'w' is made twice"},
      {"two initializers of one name", relu().constant(floats("w", {1}, {1})).constant(floats("w", {1}, {2})).build(),
       kInvalid, "initializer 'w' is given twice"},
      {"an initializer without a name", relu().constant(floats("", {1}, {1})).build(), kInvalid,
       "an initializer has no name"},
      {"two inputs of one name", relu().input("x", {4}).build(), kInvalid, "input 'x' is listed twice"},
      {"an input without a name", relu().input("", {4}).build(), kInvalid, "a graph input has no name"},
      {"an output that nothing makes", relu().output("z").build(), kInvalid, "output 'z' is never made"},
      {"an output without a name", relu().output("").build(), kInvalid, "output '' is never made"},
      {"an output listed twice", relu().output("y").build(), kInvalid, "output 'y' is listed twice"},
      {"no outputs", ModelBuilder().input("x", {4}).add(node("Relu", {"x"}, {"y"})).build(), kInvalid,
       "the graph has no outputs"},
      {"an attribute given twice",
       duplicate({testing::float_attribute("alpha", 1), testing::float_attribute("alpha", 2)}), kInvalid,
       "attribute 'alpha' is given twice"},
      {"one of 51 attributes given twice", duplicate(many), kInvalid, "attribute 'a7' is given twice"},
      {"an attribute without a name", duplicate({int_attribute("", 1)}), kInvalid, "an attribute has no name"},
      {"an attribute of another type", duplicate({int_attribute("alpha", 1)}), kInvalid,
       "attribute 'alpha' has the wrong type"},
      {"too few inputs", relu().add(node("Add", {"x"}, {"z"})).output("z").build(), kInvalid, "input 1 is missing"},
      {"a required input left out", relu().add(node("Add", {"", "x"}, {"z"})).output("z").build(), kInvalid,
       "input 0 is missing"},
      {"too many inputs", relu().add(node("Relu", {"x", "x"}, {"z"})).output("z").build(), kInvalid, "too many inputs"},
      {"more outputs than the operator has", relu().add(node("Exp", {"x"}, {"z", "z2"})).output("z2").build(), kInvalid,
       "outputs"},
  });
}

TEST(HostileGraphsTest, Versions) {
  const auto with_opset = [](int64_t version) {
    ModelBuilder builder = relu();
    builder.opset = version;
    return builder.build();
  };
  const auto with_ir = [](int64_t version) {
    return Proto().varint(1, static_cast<uint64_t>(version)).message(7, Proto()).data();
  };
  const auto good = relu().build();
  const auto also = [&](const Proto& proto) {
    auto model = good;
    const std::vector<uint8_t> more = proto.data();
    model.insert(model.end(), more.begin(), more.end());
    return model;
  };
  const auto opset = [](const std::string& domain, int64_t version) {
    return Proto().message(8, Proto().bytes(1, domain).varint(2, static_cast<uint64_t>(version)));
  };
  Proto domains;
  for (int i = 0; i < 100; ++i) domains.message(8, Proto().bytes(1, "d" + std::to_string(i)).varint(2, 1));
  expect_refused({
      {"operator set of the future", with_opset(1000), kUnsupported, "operator set: expected at most 28, got 1000"},
      {"operator set 0", with_opset(0), kInvalid, "expected a version from 1, got 0"},
      {"operator set -1", with_opset(-1), kInvalid, "expected a version from 1, got -1"},
      {"operator set 2^62", with_opset(int64_t{1} << 62), kUnsupported, "got 4611686018427387904"},
      {"one domain twice", also(opset("ai.onnx", 9)), kInvalid, "operator set 'ai.onnx' is imported twice"},
      {"a hundred domains", also(domains), kLimit, "too many operator sets: at most 64"},
      {"file format of the future", with_ir(99), kInvalid, "IR version: expected at most 14, got 99"},
      {"file format -1", with_ir(-1), kInvalid, "IR version"},
      {"unknown operator", relu().add(node("Frobnicate", {"x"}, {"z"})).build(), kUnsupported, "Frobnicate"},
      {"unknown domain", relu().add(node("Relu", {"x"}, {"z"}, {}, "evil.example")).build(), kUnsupported,
       "evil.example.Relu"},
      {"a domain with a line break", relu().add(node("Relu", {"x"}, {"z"}, {}, "a\nb")).build(), kUnsupported,
       "a?b.Relu"},
  });
}

// y = If(condition) { If(condition) { ... } }
ModelBuilder nested(int depth) {
  Proto body = Proto().message(1, node("Relu", {"x"}, {"b0"})).message(12, Proto().bytes(1, "b0"));
  for (int i = 1; i <= depth; ++i) {
    const std::string made = i == depth ? "y" : "b" + std::to_string(i);
    const Proto branch = node("If", {"condition"}, {made},
                              {Proto().bytes(1, "then_branch").message(6, body).varint(20, 5),
                               Proto().bytes(1, "else_branch").message(6, body).varint(20, 5)});
    if (i == depth) return ModelBuilder().input("x", {4}).input("condition", {}, 9).add(branch).output("y");
    body = Proto().message(1, branch).message(12, Proto().bytes(1, made));
  }
  return {};
}

// Functions that each call the next one twice: 2^count nodes from a file of a few hundred bytes.
std::vector<uint8_t> calls(int count, bool last_calls_first) {
  const auto name = [](int i) { return "F" + std::to_string(i); };
  Proto functions;
  for (int i = 0; i < count; ++i) {
    const bool last = i + 1 == count;
    const std::string callee = last ? (last_calls_first ? name(0) : "Relu") : name(i + 1);
    const std::string domain = last && !last_calls_first ? "" : "local";
    functions.message(25, Proto()
                              .bytes(1, name(i))
                              .bytes(4, "a")
                              .bytes(5, "c")
                              .message(7, node(callee, {"a"}, {"b"}, {}, domain))
                              .message(7, node(callee, {"b"}, {"c"}, {}, domain))
                              .message(9, Proto().bytes(1, "").varint(2, 17))
                              .message(9, Proto().bytes(1, "local").varint(2, 1))
                              .bytes(10, "local"));
  }
  auto model = ModelBuilder().input("x", {4}).add(node("F0", {"x"}, {"y"}, {}, "local")).output("y").build();
  for (const Proto& more : {functions, Proto().message(8, Proto().bytes(1, "local").varint(2, 1))}) {
    const std::vector<uint8_t> bytes_of_it = more.data();
    model.insert(model.end(), bytes_of_it.begin(), bytes_of_it.end());
  }
  return model;
}

TEST(HostileGraphsTest, Nesting) {
  ModelLimits none;
  none.max_graph_depth = 0;
  ModelLimits few;
  few.max_nodes = 1000;
  EXPECT_TRUE(Session::create_from_bytes(nested(8).build(), {}).ok());
  EXPECT_TRUE(Session::create_from_bytes(calls(4, false), {}).ok());
  // Both branches hold the next level, so the file doubles with each: 17 levels would be large, not deep.
  Proto deep = Proto().message(1, node("Relu", {"x"}, {"b"})).message(12, Proto().bytes(1, "b"));
  for (int i = 0; i < 2000; ++i) {
    deep = Proto()
               .message(1, node("If", {"condition"}, {"b"}, {Proto().bytes(1, "then_branch").message(6, deep)}))
               .message(12, Proto().bytes(1, "b"));
  }
  expect_refused({
      {"no graph inside a graph is allowed", nested(1).build(), kLimit, "graphs inside one another: at most 0", none},
      {"2000 graphs inside each other", model_of(deep), kLimit, "graphs inside one another: at most 16"},
      {"too many nodes, most of them in bodies", nested(10).build(), kLimit, "too many nodes: at most 1000", few},
      {"functions that double", calls(14, false), kLimit, "functions expand to more than 1000 nodes", few},
      {"functions that call each other in a circle", calls(3, true), kLimit, "call one another too deeply"},
      {"a function that calls itself", calls(1, true), kLimit, "or themselves"},
  });
}

TEST(HostileGraphsTest, NamesInBodies) {
  const auto branches = [](const Proto& then_branch) {
    const Proto other = Proto().message(1, node("Relu", {"x"}, {"e"})).message(12, Proto().bytes(1, "e"));
    return ModelBuilder()
        .input("x", {4})
        .input("condition", {}, 9)
        .add(node("If", {"condition"}, {"y"},
                  {Proto().bytes(1, "then_branch").message(6, then_branch).varint(20, 5),
                   Proto().bytes(1, "else_branch").message(6, other).varint(20, 5)}))
        .output("y")
        .build();
  };
  const auto body = [](const std::vector<Proto>& nodes, const std::string& output) {
    Proto graph;
    for (const Proto& proto : nodes) graph.message(1, proto);
    return graph.message(12, Proto().bytes(1, output));
  };
  EXPECT_TRUE(Session::create_from_bytes(branches(body({node("Exp", {"x"}, {"t"})}, "t")), {}).ok());
  expect_refused({
      {"a body reads what nothing makes", branches(body({node("Exp", {"nowhere"}, {"t"})}, "t")), kInvalid, "nowhere"},
      {"a body reads what the other body makes", branches(body({node("Exp", {"e"}, {"t"})}, "t")), kInvalid, "'e'"},
      {"a body reads its own If's output", branches(body({node("Exp", {"y"}, {"t"})}, "t")), kInvalid,
       "reads 'y', which the node itself makes"},
      {"a body makes a value of the graph around it", branches(body({node("Exp", {"x"}, {"x"})}, "x")), kInvalid,
       "'x'"},
      {"a body makes a value twice", branches(body({node("Exp", {"x"}, {"t"}), node("Neg", {"x"}, {"t"})}, "t")),
       kInvalid, "'t' is made twice"},
      {"a body with a cycle", branches(body({node("Add", {"x", "u"}, {"t"}), node("Neg", {"t"}, {"u"})}, "t")),
       kInvalid, "cycle"},
      {"a body without outputs", branches(Proto().message(1, node("Exp", {"x"}, {"t"}))), kInvalid, ""},
      {"a body whose output nothing makes", branches(body({node("Exp", {"x"}, {"t"})}, "v")), kInvalid, "'v'"},
      {"no body",
       ModelBuilder()
           .input("x", {4})
           .input("condition", {}, 9)
           .add(node("If", {"condition"}, {"y"}))
           .output("y")
           .build(),
       kInvalid, "then_branch"},
  });
}

TEST(HostileGraphsTest, Amounts) {
  ModelLimits few;
  few.max_nodes = 3;
  ModelBuilder chain = relu();
  for (int i = 0; i < 3; ++i) {
    chain.add(node("Relu", {i == 0 ? "y" : "a" + std::to_string(i)}, {"a" + std::to_string(i + 1)}));
  }
  ModelBuilder strange = relu();
  for (int i = 0; i < 2000; ++i) {
    strange.add(node("Op" + std::string(50, 'x') + std::to_string(i), {"x"}, {"o" + std::to_string(i)}));
  }
  const auto refused = Session::create_from_bytes(strange.build(), {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, kUnsupported);
  EXPECT_LT(refused.error().message.size(), 10'000u) << "the list of what is missing is bounded";
  expect_refused({{"more nodes than allowed", chain.build(), kLimit, "too many nodes: at most 3", few}});
}

}  // namespace
}  // namespace sealedge
