// Loading takes time in proportion to the file, whatever is in it. Measured without a clock: this program is linked
// with a copy of importer, planner and session in which every branch taken is counted (native/CMakeLists.txt,
// sealedge_counted), and every byte allocated. Ten times as many nodes may take ten times as many steps, half as many
// again for sorting and searching, and sixteen times the bytes where a vector doubles its room; anything quadratic
// takes a hundred times as many.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <new>
#include <string>
#include <vector>

#include "../support/onnx_builder.h"
#include "engine/session.h"
#include "onnx/weight_layouts.h"
#include "sealing/model_walk.h"

namespace {
uint64_t steps = 0;
uint64_t allocated_bytes = 0;
}  // namespace

extern "C" void __sanitizer_cov_trace_pc_guard_init(uint32_t* begin, uint32_t* end) {
  // Guards that are not zero stay switched on.
  for (uint32_t* guard = begin; guard < end; ++guard) *guard = 1;
}
extern "C" void __sanitizer_cov_trace_pc_guard(uint32_t*) { ++steps; }

void* operator new(size_t size) {
  allocated_bytes += size;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace sealedge {
namespace {

using testing::floats;
using testing::int64s;
using testing::int_attribute;
using testing::ints_attribute;
using testing::ModelBuilder;
using testing::node;
using testing::Proto;

constexpr int kSmall = 1'000;
constexpr int kLarge = 10 * kSmall;
constexpr double kMostGrowth = 20;

struct Cost {
  double steps;
  double bytes;
};

Cost cost_of(const std::function<void()>& work) {
  const uint64_t steps_before = steps;
  const uint64_t bytes_before = allocated_bytes;
  work();
  return {static_cast<double>(steps - steps_before), static_cast<double>(allocated_bytes - bytes_before)};
}

std::string id(const char* prefix, int i) { return prefix + std::to_string(i); }

// A chain of n of these, x -> v0 -> v1 ... -> y.
using AddLink = std::function<void(ModelBuilder*, int, const std::string&, const std::string&)>;
ModelBuilder chain(int n, const AddLink& link, const std::vector<int64_t>& x = {1, 2, 2, 2}) {
  ModelBuilder builder;
  builder.input("x", x).output("y");
  for (int i = 0; i < n; ++i) {
    link(&builder, i, i == 0 ? "x" : id("v", i - 1), i + 1 == n ? "y" : id("v", i));
  }
  return builder;
}
AddLink link_of(const std::string& op_type, const std::vector<Proto>& attributes = {}) {
  return [=](ModelBuilder* builder, int, const std::string& from, const std::string& to) {
    builder->add(node(op_type, {from}, {to}, attributes));
  };
}

// n nodes that all read x, each handed to `join`, which makes y.
ModelBuilder fan_out(int n, const std::string& op_type, const std::string& join, const std::vector<Proto>& attributes) {
  ModelBuilder builder;
  builder.input("x", {1, 2}).output("y");
  std::vector<std::string> made;
  for (int i = 0; i < n; ++i) builder.add(node(op_type, {"x"}, {made.emplace_back(id("v", i))}));
  builder.add(node(join, made, {"y"}, attributes));
  return builder;
}

struct Family {
  const char* name;
  std::function<ModelBuilder(int)> make;
  bool loads = true;
};

const Family kFamilies[] = {
    {"chain", [](int n) { return chain(n, link_of("Exp")); }},
    {"chain_of_activations_after_conv",
     [](int n) {
       ModelBuilder builder = chain(n, link_of("Relu"), {1, 2, 4, 4});
       builder.nodes[0] = node("Conv", {"x", "w"}, {"v0"});
       return builder.constant(floats("w", {2, 2, 1, 1}, {1, 2, 3, 4}));
     }},
    {"chain_of_scales_after_conv",
     [](int n) {
       ModelBuilder builder = chain(n,
                                    [](ModelBuilder* b, int i, const std::string& from, const std::string& to) {
                                      b->add(node(i % 2 == 0 ? "Mul" : "Add", {from, "s"}, {to}));
                                    },
                                    {1, 2, 4, 4});
       builder.nodes[0] = node("Conv", {"x", "w"}, {"v0"});
       return builder.constant(floats("w", {2, 2, 1, 1}, {1, 2, 3, 4})).constant(floats("s", {1}, {1}));
     }},
    {"chain_with_a_weight_each",
     [](int n) {
       return chain(n, [](ModelBuilder* b, int i, const std::string& from, const std::string& to) {
         b->constant(floats(id("w", i), {2, 2}, {1, 0, 0, 1})).add(node("MatMul", {from, id("w", i)}, {to}));
       });
     }},
    {"one_weight_for_all",
     [](int n) {
       return chain(n, [](ModelBuilder* b, int, const std::string& from,
                          const std::string& to) { b->add(node("MatMul", {from, "w"}, {to})); })
           .constant(floats("w", {2, 2}, {1, 0, 0, 1}));
     }},
    {"transposes", [](int n) { return chain(n, link_of("Transpose", {ints_attribute("perm", {0, 2, 3, 1})})); }},
    {"casts",
     [](int n) {
       return chain(n, [](ModelBuilder* b, int i, const std::string& from, const std::string& to) {
         b->add(node("Cast", {from}, {to}, {int_attribute("to", i % 2 == 0 ? 6 : 1)}));
       });
     }},
    {"views",
     [](int n) {
       return chain(n,
                    [](ModelBuilder* b, int i, const std::string& from, const std::string& to) {
                      if (i % 3 == 0) b->add(node("Identity", {from}, {to}));
                      if (i % 3 == 1) b->add(node("Flatten", {from}, {to}));
                      if (i % 3 == 2) b->add(node("Reshape", {from, "shape"}, {to}));
                    })
           .constant(int64s("shape", {4}, {1, 2, 2, 2}));
     }},
    {"pools_and_transposes",
     [](int n) {
       return chain(n, [](ModelBuilder* b, int i, const std::string& from, const std::string& to) {
         if (i % 2 == 0) b->add(node("MaxPool", {from}, {to}, {ints_attribute("kernel_shape", {1, 1})}));
         if (i % 2 == 1) b->add(node("Transpose", {from}, {to}, {ints_attribute("perm", {0, 1, 3, 2})}));
       });
     }},
    {"residuals",
     [](int n) {
       return chain(n, [](ModelBuilder* b, int i, const std::string& from, const std::string& to) {
         b->add(node("Exp", {from}, {id("e", i)})).add(node("Add", {id("e", i), i % 2 == 0 ? "x" : from}, {to}));
       });
     }},
    {"constants_of_constants",
     [](int n) {
       ModelBuilder builder = chain(n, link_of("Neg")).constant(floats("c", {2}, {1, 2}));
       builder.nodes[0] = node("Neg", {"c"}, {"v0"});
       return builder;
     }},
    {"constant_nodes",
     [](int n) {
       return chain(n, [](ModelBuilder* b, int i, const std::string& from, const std::string& to) {
         const Proto value = floats("", {1}, {1});
         b->add(node("Constant", {}, {id("c", i)}, {Proto().bytes(1, "value").message(5, value).varint(20, 4)}));
         b->add(node("Add", {from, id("c", i)}, {to}));
       });
     }},
    {"shapes_of_shapes",
     [](int n) {
       return chain(n, [](ModelBuilder* b, int i, const std::string& from, const std::string& to) {
         b->add(node("Shape", {from}, {id("s", i)})).add(node("Reshape", {from, id("s", i)}, {to}));
       });
     }},
    {"backwards",
     [](int n) {
       ModelBuilder builder = chain(n, link_of("Exp"));
       std::reverse(builder.nodes.begin(), builder.nodes.end());
       return builder;
     }},
    {"dead_ends",
     [](int n) {
       ModelBuilder builder = chain(n, link_of("Exp"));
       builder.outputs.clear();
       return builder.output("v0");
     }},
    {"fan_out_to_concat", [](int n) { return fan_out(n, "Exp", "Concat", {int_attribute("axis", 0)}); }},
    {"fan_out_to_sum", [](int n) { return fan_out(n, "Exp", "Sum", {}); }},
    {"fan_out_to_max", [](int n) { return fan_out(n, "Neg", "Max", {}); }},
    {"one_value_n_times",
     [](int n) {
       return ModelBuilder()
           .input("x", {1, 2})
           .add(
               node("Concat", std::vector<std::string>(static_cast<size_t>(n), "x"), {"y"}, {int_attribute("axis", 0)}))
           .output("y");
     }},
    {"split",
     [](int n) {
       ModelBuilder builder;
       builder.opset = 18;
       builder.input("x", {n}).output("y");
       std::vector<std::string> parts;
       for (int i = 0; i < n; ++i) parts.push_back(id("p", i));
       builder.add(node("Split", {"x"}, parts, {int_attribute("num_outputs", n), int_attribute("axis", 0)}));
       return builder.add(node("Concat", parts, {"y"}, {int_attribute("axis", 0)}));
     }},
    {"inputs_and_outputs",
     [](int n) {
       ModelBuilder builder;
       for (int i = 0; i < n; ++i) {
         builder.input(id("x", i), {1}).add(node("Exp", {id("x", i)}, {id("y", i)})).output(id("y", i));
       }
       return builder;
     }},
    {"initializers",
     [](int n) {
       ModelBuilder builder = chain(1, link_of("Exp"));
       for (int i = 0; i < n; ++i) builder.constant(floats(id("w", i), {1}, {1}));
       return builder;
     }},
    {"initializers_that_are_inputs",
     [](int n) {
       ModelBuilder builder = chain(1, link_of("Exp"));
       for (int i = 0; i < n; ++i) builder.constant(floats(id("w", i), {1}, {1})).input(id("w", i), {1});
       return builder;
     }},
    {"quantised_chain",
     [](int n) {
       return chain(n / 2,
                    [](ModelBuilder* b, int i, const std::string& from, const std::string& to) {
                      b->add(node("QuantizeLinear", {from, "scale", "zero"}, {id("q", i)}));
                      b->add(node("DequantizeLinear", {id("q", i), "scale", "zero"}, {to}));
                    })
           .constant(floats("scale", {}, {0.5f}))
           .constant(testing::tensor("zero", 2, {}, std::string(1, 3)));
     }},
    {"quantised_at_every_link",
     [](int n) {
       ModelBuilder builder = chain(n / 2, [](ModelBuilder* b, int i, const std::string& from, const std::string& to) {
         b->add(node("Exp", {from}, {to})).add(node("QuantizeLinear", {to, "scale", "zero"}, {id("q", i)}));
         b->output(id("q", i), 2);
       });
       builder.nodes[0] = node("DequantizeLinear", {"x", "scale", "zero"}, {"v0"});
       builder.inputs = {testing::value_info("x", 2, {1, 2})};
       return builder.constant(floats("scale", {}, {0.5f})).constant(testing::tensor("zero", 2, {}, std::string(1, 3)));
     }},
    {"gates",
     [](int n) {
       return chain(n, [](ModelBuilder* b, int i, const std::string& from, const std::string& to) {
         b->add(node("Sigmoid", {from}, {id("g", i)})).add(node("Mul", {from, id("g", i)}, {to}));
       });
     }},
    {"data_dependent_shapes",
     [](int n) {
       return chain(n / 10, [](ModelBuilder* b, int i, const std::string& from, const std::string& to) {
         b->add(node("NonZero", {from}, {id("z", i)})).add(node("Cast", {id("z", i)}, {to}, {int_attribute("to", 1)}));
       });
     }},
    {"long_names",
     [](int n) {
       const std::string prefix(200, 'p');
       return chain(n, [=](ModelBuilder* b, int i, const std::string& from, const std::string& to) {
         b->constant(floats(prefix + std::to_string(i), {1}, {1}));
         b->add(node("Add", {from, prefix + std::to_string(i)}, {to}));
       });
     }},
    {"attributes_of_one_node",
     [](int n) {
       std::vector<Proto> attributes;
       for (int i = 0; i < n; ++i) attributes.push_back(int_attribute(id("a", i), i));
       return ModelBuilder().input("x", {1}).add(node("Exp", {"x"}, {"y"}, attributes)).output("y");
     }},
    {"attributes_of_many_nodes",
     [](int n) {
       std::vector<Proto> attributes;
       for (int i = 0; i < 20; ++i) attributes.push_back(int_attribute(id("a", i), i));
       return chain(n / 10, link_of("Softmax", attributes));
     }},
    {"operators_that_are_missing",
     [](int n) {
       return chain(n, [](ModelBuilder* b, int i, const std::string& from, const std::string& to) {
         b->add(node(id("Missing", i), {from}, {to}, {}, id("domain", i)));
       });
     },
     false},
    {"branches",
     [](int n) {
       return chain(n / 10,
                    [](ModelBuilder* b, int, const std::string& from, const std::string& to) {
                      const auto body = [&](const char* op_type) {
                        return Proto().message(1, node(op_type, {from}, {"b"})).message(12, Proto().bytes(1, "b"));
                      };
                      b->add(node("If", {"condition"}, {to},
                                  {Proto().bytes(1, "then_branch").message(6, body("Exp")).varint(20, 5),
                                   Proto().bytes(1, "else_branch").message(6, body("Neg")).varint(20, 5)}));
                    })
           .input("condition", {}, 9);
     }},
};

class LoadStepsTest : public ::testing::TestWithParam<Family> {};

TEST_P(LoadStepsTest, GrowWithTheFile) {
  Cost costs[2];
  for (const int i : {0, 1}) {
    const std::vector<uint8_t> model = GetParam().make(i == 0 ? kSmall : kLarge).build();
    costs[i] = cost_of([&] {
      const auto session = Session::create_from_bytes(model, {});
      EXPECT_EQ(session.ok(), GetParam().loads) << (session.ok() ? "" : session.error().message);
    });
  }
  EXPECT_GT(costs[0].steps, kSmall) << "the counter is connected";
  EXPECT_LT(costs[1].steps, costs[0].steps * kMostGrowth) << "steps: " << costs[0].steps << ", " << costs[1].steps;
  EXPECT_LT(costs[1].bytes, costs[0].bytes * kMostGrowth) << "bytes: " << costs[0].bytes << ", " << costs[1].bytes;
}

// What the sealer does with a model: walks it, and asks which layout each weight is wanted in.
TEST_P(LoadStepsTest, SealingGrowsWithTheFileToo) {
  Cost costs[2];
  for (const int i : {0, 1}) {
    const std::vector<uint8_t> model = GetParam().make(i == 0 ? kSmall : kLarge).build();
    costs[i] = cost_of([&] {
      const auto keep = [](const TensorRecord& record, size_t, TensorSite, Rope* message) -> Result<void> {
        return append_inline_data(record, message);
      };
      EXPECT_TRUE(walk_model({std::make_shared<MemorySource>(model), std::nullopt}, keep).ok());
      EXPECT_EQ(decide_weight_layouts(model).ok(), GetParam().loads);
    });
  }
  EXPECT_LT(costs[1].steps, costs[0].steps * kMostGrowth) << "steps: " << costs[0].steps << ", " << costs[1].steps;
  EXPECT_LT(costs[1].bytes, costs[0].bytes * kMostGrowth) << "bytes: " << costs[0].bytes << ", " << costs[1].bytes;
}

INSTANTIATE_TEST_SUITE_P(Families, LoadStepsTest, ::testing::ValuesIn(kFamilies),
                         [](const auto& info) { return std::string(info.param.name); });

// A run of a model with many inputs and outputs, each of them named by the caller.
TEST(RunStepsTest, GrowWithInputsAndOutputs) {
  Cost costs[2];
  for (const int i : {0, 1}) {
    const int n = i == 0 ? kSmall : kLarge;
    ModelBuilder builder;
    for (int k = 0; k < n; ++k) {
      builder.input(id("x", k), {1}).add(node("Exp", {id("x", k)}, {id("y", k)})).output(id("y", k));
    }
    const auto session = Session::create_from_bytes(builder.build(), {});
    ASSERT_TRUE(session.ok()) << session.error().message;
    const std::vector<int64_t> dims = {1};
    const std::vector<uint8_t> bytes(4, 0);
    costs[i] = cost_of([&] {
      std::vector<RunInput> inputs;
      for (int k = n; k-- > 0;)
        inputs.push_back({(*session)->inputs()[static_cast<size_t>(k)].name, DataType::kFloat32, dims, bytes});
      std::vector<RunOutput> outputs(static_cast<size_t>(n));
      for (int k = 0; k < n; ++k) {
        const auto index = (*session)->output_index(id("y", n - 1 - k));
        ASSERT_TRUE(index.has_value());
        outputs[static_cast<size_t>(k)].index = *index;
      }
      ASSERT_TRUE((*session)->run(inputs, outputs).ok());
    });
  }
  EXPECT_LT(costs[1].steps, costs[0].steps * kMostGrowth) << "steps: " << costs[0].steps << ", " << costs[1].steps;
}

// Each stage finds what the next one needs, and one value is read by all of them.
TEST(RunStepsTest, GrowWithStages) {
  Cost costs[2];
  for (const int i : {0, 1}) {
    ModelBuilder builder = chain(
        i == 0 ? kSmall : kLarge,
        [](ModelBuilder* b, int k, const std::string& from, const std::string& to) {
          b->add(node("NonZero", {from}, {id("z", k)})).add(node("ReduceSum", {id("z", k), "axis"}, {id("s", k)}));
          b->add(node("Cast", {id("s", k)}, {id("f", k)}, {int_attribute("to", 1)}));
          b->add(node("Exp", {"x"}, {id("e", k)})).add(node("Add", {id("f", k), id("e", k)}, {to}));
        },
        {2, 1});
    builder.constant(int64s("axis", {1}, {1}));
    const auto session = Session::create_from_bytes(builder.build(), {});
    ASSERT_TRUE(session.ok()) << session.error().message;
    const std::vector<int64_t> dims = {2, 1};
    const std::vector<uint8_t> bytes(8, 0);
    costs[i] = cost_of([&] {
      std::vector<RunInput> inputs = {{"x", DataType::kFloat32, dims, bytes}};
      std::vector<RunOutput> outputs(1);
      const auto run = (*session)->run(inputs, outputs);
      EXPECT_TRUE(run.ok()) << run.error().message;
    });
  }
  EXPECT_LT(costs[1].steps, costs[0].steps * kMostGrowth) << "steps: " << costs[0].steps << ", " << costs[1].steps;
  EXPECT_LT(costs[1].bytes, costs[0].bytes * kMostGrowth) << "bytes: " << costs[0].bytes << ", " << costs[1].bytes;
}

// 100,000 nodes against 10,000.
TEST(LoadStepsTest, OfAHundredThousandNodes) {
  Cost costs[2];
  for (const int i : {0, 1}) {
    const std::vector<uint8_t> model = chain(i == 0 ? 10'000 : 100'000, link_of("Exp")).build();
    costs[i] = cost_of([&] { EXPECT_TRUE(Session::create_from_bytes(model, {}).ok()); });
  }
  EXPECT_LT(costs[1].steps, costs[0].steps * kMostGrowth) << "steps: " << costs[0].steps << ", " << costs[1].steps;
  EXPECT_LT(costs[1].bytes, costs[0].bytes * kMostGrowth) << "bytes: " << costs[0].bytes << ", " << costs[1].bytes;
}

}  // namespace
}  // namespace sealedge
