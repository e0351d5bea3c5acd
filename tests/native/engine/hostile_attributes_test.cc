// Attributes and small inputs that no operator can mean. One row per operator and way to fail; every row is a model
// that would be accepted but for the one thing named.
#include <limits>

#include "hostile_models.h"

namespace sealedge {
namespace {

using testing::expect_refused;
using testing::float_attribute;
using testing::floats;
using testing::Hostile;
using testing::int64s;
using testing::int_attribute;
using testing::ints_attribute;
using testing::ModelBuilder;
using testing::node;
using testing::Proto;
using testing::string_attribute;

constexpr int64_t kHuge = int64_t{1} << 62;
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// y = op_type(x, further inputs ...), x a float input.
class One {
 public:
  One(std::string op_type, const std::vector<int64_t>& x) : op_type_(std::move(op_type)) {
    builder_.input("x", x).output("y");
    inputs_.emplace_back("x");
  }
  One& opset(int64_t version) {
    builder_.opset = version;
    return *this;
  }
  One& weight(const std::vector<int64_t>& dims) {
    int64_t count = 1;
    for (int64_t dim : dims) count *= dim;
    inputs_.push_back("w" + std::to_string(inputs_.size()));
    builder_.constant(floats(inputs_.back(), dims, std::vector<float>(static_cast<size_t>(count), 1)));
    return *this;
  }
  One& value(float scalar) {
    inputs_.push_back("w" + std::to_string(inputs_.size()));
    builder_.constant(floats(inputs_.back(), {1}, {scalar}));
    return *this;
  }
  One& real(const std::vector<float>& values) {
    inputs_.push_back("w" + std::to_string(inputs_.size()));
    builder_.constant(floats(inputs_.back(), {static_cast<int64_t>(values.size())}, values));
    return *this;
  }
  One& ints(const std::vector<int64_t>& values) {
    inputs_.push_back("w" + std::to_string(inputs_.size()));
    builder_.constant(int64s(inputs_.back(), {static_cast<int64_t>(values.size())}, values));
    return *this;
  }
  One& scalar(int64_t value) {
    inputs_.push_back("w" + std::to_string(inputs_.size()));
    builder_.constant(int64s(inputs_.back(), {}, {value}));
    return *this;
  }
  One& none() {
    inputs_.emplace_back();
    return *this;
  }
  One& attribute(const Proto& proto) {
    attributes_.push_back(proto);
    return *this;
  }
  One& set(const std::string& name, int64_t value) { return attribute(int_attribute(name, value)); }
  One& list(const std::string& name, const std::vector<int64_t>& values) {
    return attribute(ints_attribute(name, values));
  }
  One& set(const std::string& name, const std::string& value) { return attribute(string_attribute(name, value)); }
  One& set(const std::string& name, const char* value) { return set(name, std::string(value)); }
  One& set(const std::string& name, float value) { return attribute(float_attribute(name, value)); }
  // NOLINTNEXTLINE(google-explicit-constructor)
  operator std::vector<uint8_t>() const {
    ModelBuilder builder = builder_;
    return builder.add(node(op_type_, inputs_, {"y"}, attributes_)).build();
  }

 private:
  std::string op_type_;
  ModelBuilder builder_;
  std::vector<std::string> inputs_;
  std::vector<Proto> attributes_;
};

One conv() { return One("Conv", {1, 4, 8, 8}).weight({4, 4, 3, 3}); }
One pool() { return One("MaxPool", {1, 4, 8, 8}); }
One average() { return One("AveragePool", {1, 4, 8, 8}).list("kernel_shape", {2, 2}); }
One deconv() { return One("ConvTranspose", {1, 4, 8, 8}).weight({4, 2, 3, 3}); }

// What is expected: kModelInvalid, kShapeMismatch or kLimitExceeded (which of them is the operator's matter), never
// anything else, and a message that names the operator or the node.
void expect_all_refused(const std::vector<std::pair<std::string, std::vector<uint8_t>>>& models) {
  std::vector<std::string> complaints;
  for (const auto& [name, model] : models) {
    SessionOptions options;
    const auto session = Session::create_from_bytes(model, options);
    if (session.ok()) {
      complaints.push_back(name + ": was accepted");
      continue;
    }
    const Error& error = session.error();
    if (error.message == "operators this engine lacks: " + name.substr(0, name.find(':'))) continue;
    const bool refused = error.code == ErrorCode::kModelInvalid || error.code == ErrorCode::kShapeMismatch ||
                         error.code == ErrorCode::kLimitExceeded;
    const std::string op_type = name.substr(0, name.find(':'));
    const bool named =
        error.message.find(op_type) != std::string::npos || error.message.find("make_y") != std::string::npos;
    if (!refused || !named) complaints.push_back(name + ": " + error_code_name(error.code) + " " + error.message);
  }
  for (const std::string& complaint : complaints) ADD_FAILURE() << complaint;
}

TEST(HostileAttributesTest, TheModelsAreGoodOtherwise) {
  for (const std::vector<uint8_t>& model :
       {std::vector<uint8_t>(conv()), std::vector<uint8_t>(pool().list("kernel_shape", {2, 2})),
        std::vector<uint8_t>(average()), std::vector<uint8_t>(deconv())}) {
    const auto session = Session::create_from_bytes(model, {});
    EXPECT_TRUE(session.ok()) << session.error().message;
  }
}

TEST(HostileAttributesTest, Windows) {
  expect_all_refused({
      {"Conv: stride 0", conv().list("strides", {0, 1})},
      {"Conv: stride -1", conv().list("strides", {1, -1})},
      {"Conv: three strides", conv().list("strides", {1, 1, 1})},
      {"Conv: a hundred thousand strides", conv().list("strides", std::vector<int64_t>(100'000, 1))},
      {"Conv: dilation 0", conv().list("dilations", {0, 1})},
      {"Conv: dilation -1", conv().list("dilations", {-1, 1})},
      {"Conv: dilation 2^62", conv().list("dilations", {kHuge, kHuge})},
      {"Conv: dilation beyond the image", conv().list("dilations", {100, 100})},
      {"Conv: one dilation", conv().list("dilations", {1})},
      {"Conv: pad -1", conv().list("pads", {-1, 0, 0, 0})},
      {"Conv: pad 2^62", conv().list("pads", {kHuge, kHuge, kHuge, kHuge})},
      {"Conv: three pads", conv().list("pads", {1, 1, 1})},
      {"Conv: group 0", conv().set("group", int64_t{0})},
      {"Conv: group -1", conv().set("group", int64_t{-1})},
      {"Conv: group 3 of 4 channels", conv().set("group", int64_t{3})},
      {"Conv: group 2 of another filter", conv().set("group", int64_t{2})},
      {"Conv: group 2^62", conv().set("group", kHuge)},
      {"Conv: kernel_shape unlike the filter", conv().list("kernel_shape", {5, 5})},
      {"Conv: kernel_shape 0", conv().list("kernel_shape", {0, 3})},
      {"Conv: filter of another rank", One("Conv", {1, 4, 8, 8}).weight({4, 4, 3})},
      {"Conv: filter of other channels", One("Conv", {1, 4, 8, 8}).weight({4, 5, 3, 3})},
      {"Conv: filter larger than the image", One("Conv", {1, 4, 2, 2}).weight({4, 4, 3, 3})},
      {"Conv: image of rank 1", One("Conv", {4}).weight({4, 4, 3, 3})},
      {"Conv: bias of another length", One("Conv", {1, 4, 8, 8}).weight({4, 4, 3, 3}).weight({3})},
      {"Conv: unknown auto_pad", conv().set("auto_pad", "SIDEWAYS")},
      {"Conv: auto_pad and pads", conv().set("auto_pad", "SAME_UPPER").list("pads", {-9, 0, 0, 0})},
      {"MaxPool: no kernel_shape", pool()},
      {"MaxPool: kernel 0", pool().list("kernel_shape", {0, 2})},
      {"MaxPool: kernel -1", pool().list("kernel_shape", {-1, 2})},
      {"MaxPool: kernel 2^62", pool().list("kernel_shape", {kHuge, kHuge})},
      {"MaxPool: kernel of three dimensions", pool().list("kernel_shape", {2, 2, 2})},
      {"MaxPool: stride 0", pool().list("kernel_shape", {2, 2}).list("strides", {0, 0})},
      {"MaxPool: dilation 0", pool().list("kernel_shape", {2, 2}).list("dilations", {0, 0})},
      {"MaxPool: dilation 2^62", pool().list("kernel_shape", {2, 2}).list("dilations", {kHuge, kHuge})},
      {"MaxPool: pad -1", pool().list("kernel_shape", {2, 2}).list("pads", {0, 0, -1, 0})},
      {"MaxPool: pad 2^62", pool().list("kernel_shape", {2, 2}).list("pads", {0, 0, kHuge, 0})},
      {"AveragePool: stride -1", average().list("strides", {-1, -1})},
      {"AveragePool: pad -1", average().list("pads", {-1, -1, -1, -1})},
      {"ConvTranspose: stride 0", deconv().list("strides", {0, 1})},
      {"ConvTranspose: stride 2^62", deconv().list("strides", {kHuge, kHuge})},
      {"ConvTranspose: dilation 0", deconv().list("dilations", {0, 1})},
      {"ConvTranspose: pad -1", deconv().list("pads", {-1, 0, 0, 0})},
      {"ConvTranspose: pad beyond the output", deconv().list("pads", {1000, 0, 0, 0})},
      {"ConvTranspose: group 3", deconv().set("group", int64_t{3})},
      {"ConvTranspose: group 0", deconv().set("group", int64_t{0})},
      {"ConvTranspose: output_padding -1", deconv().list("output_padding", {-1, 0})},
      {"ConvTranspose: output_padding 2^62", deconv().list("output_padding", {kHuge, 0})},
      {"ConvTranspose: output_shape -1", deconv().list("output_shape", {-1, -1})},
      {"ConvTranspose: output_shape 2^62", deconv().list("output_shape", {kHuge, kHuge})},
      {"GlobalAveragePool: rank 1", One("GlobalAveragePool", {4})},
  });
}

TEST(HostileAttributesTest, Axes) {
  std::vector<std::pair<std::string, std::vector<uint8_t>>> models;
  for (const int64_t axis : {int64_t{2}, int64_t{-3}, kHuge, INT64_MIN, INT64_MAX}) {
    const std::string at = ": axis " + std::to_string(axis);
    models.emplace_back("Softmax" + at, One("Softmax", {2, 3}).set("axis", axis));
    models.emplace_back("LogSoftmax" + at, One("LogSoftmax", {2, 3}).set("axis", axis));
    if (axis != 2) models.emplace_back("Softmax" + at + ", old", One("Softmax", {2, 3}).opset(11).set("axis", axis));
    models.emplace_back("Hardmax" + at, One("Hardmax", {2, 3}).set("axis", axis));
    models.emplace_back("Concat" + at, One("Concat", {2, 3}).weight({2, 3}).set("axis", axis));
    models.emplace_back("Gather" + at, One("Gather", {2, 3}).ints({0}).set("axis", axis));
    models.emplace_back("GatherElements" + at, One("GatherElements", {3}).ints({0}).set("axis", axis));
    models.emplace_back("Split" + at, One("Split", {2, 3}).set("axis", axis));
    models.emplace_back("ArgMax" + at, One("ArgMax", {2, 3}).set("axis", axis));
    models.emplace_back("ArgMin" + at, One("ArgMin", {2, 3}).set("axis", axis));
    models.emplace_back("TopK" + at, One("TopK", {2, 3}).ints({1}).set("axis", axis));
    models.emplace_back("CumSum" + at, One("CumSum", {2, 3}).scalar(axis));
    models.emplace_back("ReduceSum" + at, One("ReduceSum", {2, 3}).ints({axis}));
    models.emplace_back("ReduceMax" + at, One("ReduceMax", {2, 3}).list("axes", {axis}));
    models.emplace_back("Squeeze" + at, One("Squeeze", {1, 1}).ints({axis}));
    models.emplace_back("LayerNormalization" + at, One("LayerNormalization", {2, 3}).weight({3}).set("axis", axis));
    models.emplace_back("Transpose" + at, One("Transpose", {2, 3}).list("perm", {0, axis}));
    models.emplace_back("Slice" + at, One("Slice", {2, 3}).ints({0}).ints({1}).ints({axis}));
    models.emplace_back("Compress" + at, One("Compress", {2, 3}).set("axis", axis));
    models.emplace_back("LpNormalization" + at, One("LpNormalization", {2, 3}).set("axis", axis));
  }
  for (const int64_t axis : {int64_t{3}, int64_t{-4}, kHuge, INT64_MIN}) {
    const std::string at = ": axis " + std::to_string(axis);
    models.emplace_back("Flatten" + at, One("Flatten", {2, 3}).set("axis", axis));
    models.emplace_back("Unsqueeze" + at, One("Unsqueeze", {2, 3}).ints({axis}));
    models.emplace_back("OneHot" + at, One("OneHot", {2, 3}).scalar(3).real({0, 1}).set("axis", axis));
  }
  // Compress without its condition is refused before its axis is looked at: give it one.
  std::erase_if(models, [](const auto& row) { return row.first.starts_with("Compress"); });
  expect_all_refused(models);
}

TEST(HostileAttributesTest, Arrangement) {
  expect_all_refused({
      {"Transpose: an axis twice", One("Transpose", {2, 3}).list("perm", {0, 0})},
      {"Transpose: too short", One("Transpose", {2, 3}).list("perm", {0})},
      {"Transpose: too long", One("Transpose", {2, 3}).list("perm", {0, 1, 2})},
      {"ReduceSum: an axis twice", One("ReduceSum", {2, 3}).ints({0, 0})},
      {"ReduceSum: an axis twice, once negative", One("ReduceSum", {2, 3}).ints({0, -2})},
      {"ReduceMean: an axis twice", One("ReduceMean", {2, 3}).list("axes", {1, 1})},
      {"Squeeze: a dimension of 3", One("Squeeze", {2, 3}).ints({1})},
      {"Unsqueeze: an axis twice", One("Unsqueeze", {2, 3}).ints({0, 0})},
      {"Unsqueeze: twenty axes",
       One("Unsqueeze", {2}).ints({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19})},
      {"Reshape: two dimensions of -1", One("Reshape", {2, 3}).ints({-1, -1})},
      {"Reshape: a dimension of -2", One("Reshape", {2, 3}).ints({-2, 3})},
      {"Reshape: other elements", One("Reshape", {2, 3}).ints({4})},
      {"Reshape: elements that -1 cannot hold", One("Reshape", {2, 3}).ints({4, -1})},
      {"Reshape: a product that overflows to 6", One("Reshape", {2, 3}).ints({kHuge, 4, 6})},
      {"Reshape: 0 beyond the input", One("Reshape", {6}).ints({6, 0})},
      {"Reshape: -1 beside zero", One("Reshape", {2, 3}).ints({0, -1}).set("allowzero", int64_t{1})},
      {"Reshape: a hundred dimensions", One("Reshape", {1}).ints(std::vector<int64_t>(100, 1))},
      {"Expand: unlike dimensions", One("Expand", {2, 3}).ints({2, 4})},
      {"Expand: a negative dimension", One("Expand", {2, 1}).ints({2, -4})},
      {"Tile: a negative count", One("Tile", {2, 3}).ints({1, -1})},
      {"Tile: one count of two", One("Tile", {2, 3}).ints({1})},
      {"Slice: step 0", One("Slice", {4}).ints({0}).ints({4}).ints({0}).ints({0})},
      {"Slice: an axis twice", One("Slice", {4, 4}).ints({0, 1}).ints({2, 3}).ints({0, 0})},
      {"Slice: starts and ends of other lengths", One("Slice", {4, 4}).ints({0, 0}).ints({1})},
      {"Split: parts that do not add up", One("Split", {6}).ints({2, 2})},
      {"Split: a negative part", One("Split", {6}).ints({7, -1})},
      {"Split: num_outputs 0", One("Split", {6}).opset(18).set("num_outputs", int64_t{0})},
      {"Split: num_outputs 2^62", One("Split", {6}).opset(18).set("num_outputs", kHuge)},
      {"Concat: other dimensions", One("Concat", {2, 3}).weight({3, 4}).set("axis", int64_t{0})},
      {"Concat: other rank", One("Concat", {2, 3}).weight({3}).set("axis", int64_t{0})},
      {"Pad: more removed than there is", One("Pad", {4}).ints({-3, -3})},
      {"Pad: pads of another length", One("Pad", {4}).ints({1, 1, 1})},
      {"Pad: reflection of nothing", One("Pad", {0}).ints({1, 1}).set("mode", "reflect")},
      {"Pad: INT64_MIN", One("Pad", {4}).ints({INT64_MIN, INT64_MIN})},
      {"GatherND: batch_dims -1", One("GatherND", {3, 3}).ints({0}).set("batch_dims", int64_t{-1})},
      {"GatherND: batch_dims 2^62", One("GatherND", {3, 3}).ints({0}).set("batch_dims", kHuge)},
      {"GatherND: an index longer than the rank", One("GatherND", {3}).ints({0, 0})},
      {"TopK: k -1", One("TopK", {4}).ints({-1})},
      {"TopK: k beyond", One("TopK", {4}).ints({5})},
      {"TopK: k 2^62", One("TopK", {4}).ints({kHuge})},
      {"OneHot: depth -1", One("OneHot", {4}).scalar(-1).real({0, 1})},
      {"OneHot: depth 2^62", One("OneHot", {4}).scalar(kHuge).real({0, 1})},
      {"OneHot: three values", One("OneHot", {4}).scalar(3).real({0, 1, 2})},
      {"DepthToSpace: blocksize 0", One("DepthToSpace", {1, 4, 2, 2}).set("blocksize", int64_t{0})},
      {"DepthToSpace: blocksize -2", One("DepthToSpace", {1, 4, 2, 2}).set("blocksize", int64_t{-2})},
      {"DepthToSpace: blocksize 3", One("DepthToSpace", {1, 4, 2, 2}).set("blocksize", int64_t{3})},
      {"DepthToSpace: blocksize 2^32", One("DepthToSpace", {1, 4, 2, 2}).set("blocksize", int64_t{1} << 32)},
      {"SpaceToDepth: blocksize 0", One("SpaceToDepth", {1, 4, 2, 2}).set("blocksize", int64_t{0})},
      {"SpaceToDepth: blocksize 2^62", One("SpaceToDepth", {1, 4, 2, 2}).set("blocksize", kHuge)},
      {"ReverseSequence: axes equal",
       One("ReverseSequence", {2, 2}).ints({1, 1}).set("batch_axis", int64_t{0}).set("time_axis", int64_t{0})},
      {"ReverseSequence: axis 7",
       One("ReverseSequence", {2, 2}).ints({1, 1}).set("batch_axis", int64_t{7}).set("time_axis", int64_t{0})},
      {"Einsum: no such letter order", One("Einsum", {2, 3}).set("equation", "ij->k")},
      {"Einsum: rank differs", One("Einsum", {2, 3}).set("equation", "ijk->i")},
      {"Einsum: a letter with two sizes", One("Einsum", {2, 3}).set("equation", "ii->i")},
      {"Einsum: nonsense", One("Einsum", {2, 3}).set("equation", "->->")},
      {"Einsum: too few terms", One("Einsum", {2, 3}).weight({3, 2}).set("equation", "ij->ij")},
      {"Einsum: a hundred thousand dots", One("Einsum", {2, 3}).set("equation", std::string(100'000, '.'))},
  });
}

TEST(HostileAttributesTest, Numbers) {
  const auto norm = [](const std::string& op_type) { return One(op_type, {1, 4, 8}).weight({4}).weight({4}); };
  std::vector<std::pair<std::string, std::vector<uint8_t>>> models;
  for (const auto& [name, epsilon] :
       {std::pair{"NaN", kNaN}, std::pair{"infinity", kInfinity}, std::pair{"-1", -1.0f}}) {
    const std::string is = std::string(": epsilon ") + name;
    models.emplace_back("BatchNormalization" + is,
                        norm("BatchNormalization").weight({4}).weight({4}).set("epsilon", epsilon));
    models.emplace_back("InstanceNormalization" + is, norm("InstanceNormalization").set("epsilon", epsilon));
    models.emplace_back("LayerNormalization" + is,
                        One("LayerNormalization", {2, 4}).weight({4}).set("epsilon", epsilon));
  }
  models.insert(
      models.end(),
      {
          {"BatchNormalization: scale of another length",
           One("BatchNormalization", {1, 4, 8}).weight({3}).weight({4}).weight({4}).weight({4})},
          {"InstanceNormalization: scale of another length",
           One("InstanceNormalization", {1, 4, 8}).weight({3}).weight({4})},
          {"LayerNormalization: scale of another length", One("LayerNormalization", {2, 4}).weight({3})},
          {"LRN: size 0", One("LRN", {1, 4, 2, 2}).set("size", int64_t{0})},
          {"LRN: size -1", One("LRN", {1, 4, 2, 2}).set("size", int64_t{-1})},
          {"LpNormalization: p 7", One("LpNormalization", {2, 3}).set("p", int64_t{7})},
          {"Cast: to nothing", One("Cast", {2})},
          {"Gemm: rank 3", One("Gemm", {1, 2, 3}).weight({3, 2})},
          {"Gemm: inner sizes differ", One("Gemm", {2, 3}).weight({4, 2})},
          {"Gemm: C does not broadcast", One("Gemm", {2, 3}).weight({3, 2}).weight({3})},
          {"MatMul: inner sizes differ", One("MatMul", {2, 3}).weight({4, 2})},
          {"MatMul: a scalar", One("MatMul", {}).weight({4, 2})},
          {"MatMul: batches differ", One("MatMul", {2, 2, 3}).weight({3, 3, 2})},
          {"Add: shapes do not broadcast", One("Add", {2, 3}).weight({2, 4})},
          {"RoiAlign: 257 samples",
           One("RoiAlign", {1, 1, 4, 4}).weight({1, 4}).ints({0}).set("sampling_ratio", int64_t{257})},
          {"RoiAlign: 2^62 rows", One("RoiAlign", {1, 1, 4, 4}).weight({1, 4}).ints({0}).set("output_height", kHuge)},
          {"Resize: scale 0", One("Resize", {1, 1, 2, 2}).none().real({1, 1, 0, 1})},
          {"Resize: scale -1", One("Resize", {1, 1, 2, 2}).none().real({1, 1, -1, 1})},
          {"Resize: scale NaN", One("Resize", {1, 1, 2, 2}).none().real({1, 1, kNaN, 1})},
          {"Resize: scale infinity", One("Resize", {1, 1, 2, 2}).none().real({1, 1, kInfinity, 1})},
          {"Resize: scale 1e30", One("Resize", {1, 1, 2, 2}).none().real({1, 1, 1e30f, 1e30f})},
          {"Resize: three scales", One("Resize", {1, 1, 2, 2}).none().real({1, 1, 2})},
          {"Resize: size -1", One("Resize", {1, 1, 2, 2}).none().none().ints({1, 1, -1, 4})},
          {"Resize: size 2^62", One("Resize", {1, 1, 2, 2}).none().none().ints({1, 1, kHuge, kHuge})},
          {"Resize: scales and sizes", One("Resize", {1, 1, 2, 2}).none().real({1, 1, 2, 2}).ints({1, 1, 4, 4})},
          {"Resize: unknown mode", One("Resize", {1, 1, 2, 2}).none().real({1, 1, 2, 2}).set("mode", "sideways")},
          {"LSTM: hidden_size 0",
           One("LSTM", {2, 1, 3}).weight({1, 16, 3}).weight({1, 16, 4}).set("hidden_size", int64_t{0})},
          {"LSTM: hidden_size 5",
           One("LSTM", {2, 1, 3}).weight({1, 16, 3}).weight({1, 16, 4}).set("hidden_size", int64_t{5})},
          {"LSTM: hidden_size 2^62",
           One("LSTM", {2, 1, 3}).weight({1, 16, 3}).weight({1, 16, 4}).set("hidden_size", kHuge)},
          {"LSTM: unknown direction", One("LSTM", {2, 1, 3})
                                          .weight({1, 16, 3})
                                          .weight({1, 16, 4})
                                          .set("hidden_size", int64_t{4})
                                          .set("direction", "sideways")},
          {"GRU: weights of another size",
           One("GRU", {2, 1, 3}).weight({1, 12, 2}).weight({1, 12, 4}).set("hidden_size", int64_t{4})},
          {"Clip: bounds of two elements", One("Clip", {2}).real({0, 1})},
          {"PRelu: a slope that does not broadcast", One("PRelu", {2, 3}).weight({2, 4})},
      });
  expect_all_refused(models);
}

// Names that no version of the operator has: not wrong in themselves, but nothing this engine could run.
TEST(HostileAttributesTest, UnknownNames) {
  constexpr ErrorCode kUnsupported = ErrorCode::kOpUnsupported;
  expect_refused({
      {"Pad", One("Pad", {4}).ints({1, 1}).set("mode", "sideways"), kUnsupported, "Pad"},
      {"Cast to type 99", One("Cast", {2}).set("to", int64_t{99}), kUnsupported, "type 99"},
      {"Cast to 1 modulo 2^32", One("Cast", {2}).set("to", (int64_t{1} << 32) + 1), kUnsupported, "type 4294967297"},
  });
}

}  // namespace
}  // namespace sealedge
