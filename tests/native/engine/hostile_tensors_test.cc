// Tensors that a model declares, infers or fills wrongly. One row per way to fail.
#include "../support/emulation.h"
#include "hostile_models.h"

namespace sealedge {
namespace {

using testing::expect_accepted;
using testing::expect_refused;
using testing::floats;
using testing::Hostile;
using testing::int64s;
using testing::ints_attribute;
using testing::ModelBuilder;
using testing::node;
using testing::Proto;
using testing::raw;
using testing::tensor;

constexpr int64_t kHuge = int64_t{1} << 62;
constexpr ErrorCode kLimit = ErrorCode::kLimitExceeded;
constexpr ErrorCode kInvalid = ErrorCode::kModelInvalid;
constexpr ErrorCode kUnsupported = ErrorCode::kOpUnsupported;

std::vector<uint8_t> with_initializer(const Proto& w) {
  return ModelBuilder().input("x", {1}).constant(w).add(node("Add", {"x", "w"}, {"y"})).output("y").build();
}

std::vector<uint8_t> with_input(const std::vector<int64_t>& dims) {
  return ModelBuilder().input("x", dims).add(node("Relu", {"x"}, {"y"})).output("y").build();
}

// y = op(x, ints...), with a float x of these dims.
std::vector<uint8_t> with_ints(const std::string& op_type, const std::vector<int64_t>& x,
                               const std::vector<std::vector<int64_t>>& ints,
                               const std::vector<Proto>& attributes = {}) {
  ModelBuilder builder;
  std::vector<std::string> inputs;
  if (!x.empty()) {
    builder.input("x", x);
    inputs.emplace_back("x");
  }
  for (size_t i = 0; i < ints.size(); ++i) {
    inputs.push_back("i" + std::to_string(i));
    builder.constant(int64s(inputs.back(), {static_cast<int64_t>(ints[i].size())}, ints[i]));
  }
  return builder.add(node(op_type, inputs, {"y"}, attributes)).output("y").build();
}

Proto dims_only(const std::vector<int64_t>& dims, int type = 1) { return tensor("w", type, dims, ""); }

TEST(HostileTensorsTest, DeclaredSizes) {
  ModelLimits small;
  small.max_tensor_bytes = 4096;
  expect_refused({
      {"product overflows", with_initializer(dims_only({int64_t{1} << 32, int64_t{1} << 32})), kLimit,
       "too many elements in [4294967296, 4294967296]"},
      {"product overflows to something small", with_initializer(dims_only({int64_t{1} << 33, int64_t{1} << 31, 1})),
       kLimit, "too many elements"},
      {"one dimension is huge", with_initializer(dims_only({INT64_MAX})), kLimit, "too many elements"},
      {"bytes overflow though elements do not", with_initializer(dims_only({INT64_MAX / 4})), kLimit,
       "too many elements"},
      {"beyond the default bound", with_initializer(dims_only({int64_t{1} << 31})), kLimit,
       "expected at most 4294967296 bytes, got 8589934592"},
      {"beyond a bound of one's own", with_initializer(dims_only({1025})), kLimit,
       "expected at most 4096 bytes, got 4100", small},
      {"negative dimension", with_initializer(dims_only({-1})), kLimit, "negative dimension in [-1]"},
      {"two negative dimensions", with_initializer(dims_only({-4, -4})), kLimit, "negative dimension"},
      {"empty, but its strides overflow", with_initializer(dims_only({0, kHuge, 4})), kLimit, "too many elements"},
      {"empty, but loops over its dimensions would not end", with_initializer(dims_only({0, int64_t{1} << 31})), kLimit,
       "a tensor [0, 2147483648] of float32: expected at most 4294967296 bytes but for its zeros, got 8589934592"},
      {"17 dimensions", with_initializer(dims_only(std::vector<int64_t>(17, 1))), kLimit,
       "too many dimensions of a tensor: at most 16"},
      {"100,000 dimensions", with_initializer(dims_only(std::vector<int64_t>(100'000, 1))), kLimit, "at most 16"},
      {"input: product overflows", with_input({kHuge, 4}), kLimit, "input 'x': too many elements"},
      {"input: beyond the bound", with_input({int64_t{1} << 31}), kLimit,
       "input 'x': a tensor [2147483648] of float32: expected at most 4294967296 bytes"},
      {"input: what is given is too much already", with_input({-1, int64_t{1} << 31}), kLimit, "input 'x'"},
      {"input: 17 dimensions", with_input(std::vector<int64_t>(17, 1)), kLimit, "at most 16"},
      {"input: empty, but beyond the bound", with_input({0, int64_t{1} << 31}), kLimit, "input 'x': a tensor [0, 214"},
      {"input: beyond a bound of one's own", with_input({32, 33}), kLimit, "expected at most 4096 bytes, got 4224",
       small},
  });
}

TEST(HostileTensorsTest, InferredSizes) {
  ModelLimits small_arena;
  small_arena.max_arena_bytes = 1 << 20;
  ModelLimits small_constants;
  small_constants.max_constant_bytes = 1 << 16;
  const std::string constant = "ConstantOfShape";
  ModelBuilder wide;
  wide.input("x", {1, 1 << 16}).output("y");
  std::vector<std::string> names;
  for (int i = 0; i < 8; ++i) {
    names.push_back("a" + std::to_string(i));
    wide.add(node("Exp", {"x"}, {names.back()}));
  }
  wide.add(node("Concat", names, {"y"}, {testing::int_attribute("axis", 0)}));
  ModelBuilder range;
  range.constant(int64s("a", {}, {0})).constant(int64s("b", {}, {INT64_MAX})).constant(int64s("c", {}, {1}));
  range.add(node("Range", {"a", "b", "c"}, {"y"})).output("y");
  ModelBuilder packed;
  packed.input("x", {1, 256}).output("y").constant(floats("w", {256, 128}, std::vector<float>(256 * 128)));
  packed.add(node("MatMul", {"x", "w"}, {"y"}));
  expect_refused({
      {"ConstantOfShape overflows", with_ints(constant, {}, {{kHuge, 4}}), kLimit, "too many elements"},
      {"ConstantOfShape beyond the bound", with_ints(constant, {}, {{1 << 20, 1 << 20}}), kLimit,
       "ConstantOfShape 'make_y': a tensor [1048576, 1048576] of float32: expected at most 4294967296 bytes"},
      {"ConstantOfShape with a negative dimension", with_ints(constant, {}, {{4, -1}}), kLimit,
       "negative dimension in [4, -1]"},
      {"Expand", with_ints("Expand", {1}, {{1 << 20, 1 << 20}}), kLimit, "Expand"},
      {"Expand overflows", with_ints("Expand", {1}, {{kHuge, kHuge}}), kLimit, "too many elements"},
      {"Tile", with_ints("Tile", {2, 2}, {{1 << 20, 1 << 20}}), kLimit, "Tile"},
      {"Tile overflows", with_ints("Tile", {4}, {{kHuge}}), kInvalid, "repeats: out of range"},
      {"Pad", with_ints("Pad", {4}, {{kHuge, kHuge}}), kInvalid, "pads: out of range"},
      {"Pad beyond the bound", with_ints("Pad", {4}, {{int64_t{1} << 39, 0}}), kLimit, "Pad"},
      {"Range", range.build(), kLimit, "Range"},
      {"a run needs more than the arena", wide.build(), kLimit, "activations of one run", small_arena},
      {"constants in their layouts", packed.build(), kLimit, "model constants: expected at most 65536 bytes",
       small_constants},
  });
}

// Tensors without elements take no memory, however large their other dimensions are: neither do their operators.
TEST(HostileTensorsTest, MuchOfNothing) {
  ModelLimits small_arena;
  small_arena.max_arena_bytes = 1 << 20;
  constexpr int64_t kMany = int64_t{1} << 27;
  const auto product = [](const std::string& op_type, int type, const std::vector<int64_t>& a,
                          const std::vector<int64_t>& b) {
    return ModelBuilder().input("a", a, type).input("b", b, type).add(node(op_type, {"a", "b"}, {"y"})).output("y");
  };
  expect_accepted({
      {"MatMul of no rows", product("MatMul", 1, {kMany, 0, 4}, {4, 4}).build()},
      {"MatMul of no columns", product("MatMul", 1, {1, 4, 4}, {kMany, 4, 0}).build()},
      {"MatMul of another type", product("MatMul", 6, {kMany, 0, 4}, {4, 4}).build()},
      {"MatMulInteger", product("MatMulInteger", 3, {kMany, 0, 4}, {1, 4, 4}).build()},
      {"GatherElements", ModelBuilder()
                             .input("x", {kMany, 0})
                             .constant(int64s("i", {0, 0}, {}))
                             .add(node("GatherElements", {"x", "i"}, {"y"}))
                             .output("y")
                             .build()},
  });
  // Vectors of a few bytes, whose product is looked at in whole before it is summed up. Not while loading.
  ModelBuilder product_of_vectors;
  product_of_vectors.input("x", {1}).constant(floats("v", {256}, std::vector<float>(256, 1))).output("y");
  product_of_vectors.add(
      node("Einsum", {"v", "v", "v", "v", "v", "v"}, {"s"}, {testing::string_attribute("equation", "a,b,c,a,b,c->")}));
  product_of_vectors.add(node("Add", {"x", "s"}, {"y"}));
  expect_refused({{"Einsum", product_of_vectors.build(), kLimit, "activations of one run", small_arena}});
  ModelBuilder unique;
  unique.constant(floats("x", {kMany, 0}, {}))
      .output("y")
      .add(node("Unique", {"x"}, {"y"}, {testing::int_attribute("axis", 0)}));
  ModelBuilder boxes;
  boxes.constant(floats("boxes", {0, kMany, 4}, {})).constant(floats("scores", {0, 1, kMany}, {})).output("y", 7);
  boxes.add(node("NonMaxSuppression", {"boxes", "scores"}, {"y"}));
  expect_refused({
      {"Unique", unique.build(), kLimit, "Unique 'make_y': expected at most 67108864 slices, got 134217728"},
      {"NonMaxSuppression", boxes.build(), kLimit, "expected at most 67108864 boxes, got 134217728"},
  });
}

// Found while folding, which is no run: the message says where, all the same.
TEST(HostileTensorsTest, ConstantsThatCannotBeComputed) {
  ModelBuilder picked;
  picked.input("x", {1}).constant(floats("v", {2}, {1, 2})).constant(int64s("i", {1}, {7})).output("y");
  picked.add(node("Gather", {"v", "i"}, {"g"})).add(node("Add", {"x", "g"}, {"y"}));
  expect_refused(
      {{"Gather", picked.build(), ErrorCode::kInputInvalid, "Gather 'make_g': index 7 is out of range for 2 entries"}});
}

TEST(HostileTensorsTest, WrongContents) {
  const Proto head = Proto().varint(1, 2).varint(1, 3).varint(2, 1).bytes(8, "w");
  const auto typed = [](const Proto& proto) { return with_initializer(proto); };
  const auto with = [](Proto proto, uint32_t field, const std::string& data) { return proto.bytes(field, data); };
  expect_refused({
      {"raw_data too short", with_initializer(tensor("w", 1, {2, 3}, std::string(20, 0))), kInvalid,
       "tensor 'w': expected 24 bytes, got 20"},
      {"raw_data too long", with_initializer(tensor("w", 1, {2, 3}, std::string(28, 0))), kInvalid,
       "tensor 'w': expected 24 bytes, got 28"},
      {"raw_data of a large tensor missing", with_initializer(tensor("w", 1, {1 << 20, 1 << 9}, "")), kInvalid,
       "expected 2147483648 bytes"},
      {"raw_data of a large tensor too short", with_initializer(tensor("w", 1, {1 << 20}, std::string(4096, 0))),
       kInvalid, "expected 4194304 bytes"},
      {"no data at all", typed(head), kInvalid, "expected 24 bytes, got 0"},
      {"float_data too short", typed(with(head, 4, std::string(20, 0))), kInvalid, "expected 24 bytes, got 20"},
      {"float_data too long", typed(with(head, 4, std::string(28, 0))), kInvalid, "malformed or too long"},
      {"float_data not a multiple of four", typed(with(head, 4, std::string(23, 0))), kInvalid, "expected 24 bytes"},
      {"int64_data for float32", typed(with(head, 7, std::string(6, 1))), kInvalid, "expected 24 bytes, got 0"},
      {"int32_data with a cut varint",
       with_initializer(Proto().varint(1, 2).varint(2, 6).bytes(8, "w").bytes(5, "\x01\x80")), kInvalid, "malformed"},
      {"int64_data with a varint of 11 bytes",
       with_initializer(Proto().varint(1, 1).varint(2, 7).bytes(8, "w").bytes(7, std::string(10, '\x80') + "\x01")),
       kInvalid, "malformed"},
      {"raw_data and float_data", typed(with(with(head, 4, std::string(24, 0)), 9, std::string(24, 0))), kInvalid,
       "tensor 'w': expected its data in one place, got two"},
      {"external and raw_data", typed(Proto(with(head, 9, std::string(24, 0))).varint(14, 1)), kInvalid,
       "in one place"},
      {"data location 2", typed(Proto(with(head, 9, std::string(24, 0))).varint(14, 2)), kInvalid,
       "malformed TensorProto"},
      {"a segment of a tensor", typed(Proto(with(head, 9, std::string(24, 0))).bytes(3, "")), kInvalid, "segments"},
      {"type 0", with_initializer(tensor("w", 0, {1}, raw<float>({1}))), kUnsupported, "data type 0"},
      {"type 8: string", with_initializer(tensor("w", 8, {1}, "a")), kUnsupported, "data type 8"},
      {"type 255", with_initializer(tensor("w", 255, {1}, "a")), kUnsupported, "data type 255"},
      {"type 257, which is 1 modulo 256", with_initializer(tensor("w", 257, {1}, raw<float>({1}))), kUnsupported,
       "data type 257"},
      {"type -1", with_initializer(tensor("w", -1, {1}, raw<float>({1}))), kUnsupported, "data type -1"},
      {"external data without a folder",
       typed(Proto(head).varint(14, 1).message(13, Proto().bytes(1, "location").bytes(2, "/etc/passwd"))), kInvalid,
       "a model given as bytes has no folder"},
      {"Constant of the wrong size",
       ModelBuilder()
           .input("x", {1})
           .add(node("Constant", {}, {"w"},
                     {Proto().bytes(1, "value").message(5, tensor("", 1, {2}, raw<float>({1}))).varint(20, 4)}))
           .add(node("Add", {"x", "w"}, {"y"}))
           .output("y")
           .build(),
       kInvalid, "expected 8 bytes, got 4"},
  });
}

// That the child's limit is felt at all: an honest model that needs more than it may take.
TEST(HostileTensorsTest, TheMemoryLimitIsFelt) {
  SEALEDGE_SKIP_IF_EMULATED(testing::kNoAddressLimit);
#ifdef SEALEDGE_NO_ADDRESS_LIMIT
  GTEST_SKIP() << "no address space limit under this sanitizer";
#endif
  const std::string data(size_t{64} << 20, 0);
  expect_refused({{"64 MiB of weights", with_initializer(tensor("w", 1, {1 << 24}, data)), ErrorCode::kOutOfMemory,
                   "model constants: no memory for 67108864 bytes"}});
}

}  // namespace
}  // namespace sealedge
