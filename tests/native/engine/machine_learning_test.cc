// Models of ai.onnx.ml as their importer takes them apart: what it refuses so that walks through trees end, and the
// corners that onnxruntime and the specification agree on.
#include <gtest/gtest.h>

#include <cmath>

#include "core/thread_pool.h"
#include "run_any.h"

namespace sealedge {
namespace {

using namespace testing;

ModelBuilder learning(const std::string& op_type, const std::vector<Proto>& attributes, size_t inputs = 1,
                      int type = 1) {
  ModelBuilder builder;
  builder.domains = {"ai.onnx.ml"};
  std::vector<std::string> names;
  for (size_t i = 0; i < inputs; ++i) {
    names.push_back("x" + std::to_string(i));
    builder.inputs.push_back(
        Proto().bytes(1, names[i]).message(2, Proto().message(1, Proto().varint(1, static_cast<uint64_t>(type)))));
  }
  return builder.output("y").add(node(op_type, names, {"y"}, attributes, "ai.onnx.ml"));
}

void expect_values(const ModelBuilder& builder, const std::vector<AnyTensor>& inputs, const std::vector<int64_t>& dims,
                   const std::vector<float>& values) {
  const auto session = load(builder);
  ASSERT_TRUE(session);
  std::map<std::string, AnyTensor> given;
  for (size_t i = 0; i < inputs.size(); ++i) given.emplace("x" + std::to_string(i), inputs[i]);
  const auto got = run_any(*session, given);
  ASSERT_TRUE(got.ok()) << got.error().message;
  EXPECT_EQ((*got)[0].dims, dims);
  const auto found = (*got)[0].values<float>();
  ASSERT_EQ(found.size(), values.size());
  for (size_t i = 0; i < values.size(); ++i) EXPECT_FLOAT_EQ(found[i], values[i]) << i;
}

void expect_not_loaded(const ModelBuilder& builder, ErrorCode code, const std::string& part) {
  const auto session = Session::create_from_bytes(builder.build(), {});
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().code, code) << session.error().message;
  EXPECT_NE(session.error().message.find(part), std::string::npos) << session.error().message;
}

void expect_not_run(const ModelBuilder& builder, const AnyTensor& input, const std::string& part) {
  const auto session = load(builder);
  ASSERT_TRUE(session);
  const auto got = run_any(*session, {{"x0", input}});
  ASSERT_FALSE(got.ok());
  EXPECT_NE(got.error().message.find(part), std::string::npos) << got.error().message;
}

// Node 0 of tree 0 asks whether feature 0 is at most 1; leaf 1 is worth 10, leaf 2 is worth 20.
struct Trees {
  std::vector<int64_t> trees = {0, 0, 0}, nodes = {0, 1, 2}, features = {0, 0, 0}, yes = {1, 0, 0}, no = {2, 0, 0};
  std::vector<int64_t> missing = {};
  std::vector<std::string> modes = {"BRANCH_LEQ", "LEAF", "LEAF"};
  std::vector<float> values = {1, 0, 0};
  std::vector<int64_t> leaf_trees = {0, 0}, leaf_nodes = {1, 2}, targets = {0, 0};
  std::vector<float> weights = {10, 20};
  std::vector<Proto> more = {};

  std::vector<Proto> attributes(const std::string& prefix) const {
    std::vector<Proto> all = {
        ints_attribute("nodes_treeids", trees),          ints_attribute("nodes_nodeids", nodes),
        ints_attribute("nodes_featureids", features),    ints_attribute("nodes_truenodeids", yes),
        ints_attribute("nodes_falsenodeids", no),        strings_attribute("nodes_modes", modes),
        floats_attribute("nodes_values", values),        ints_attribute(prefix + "_treeids", leaf_trees),
        ints_attribute(prefix + "_nodeids", leaf_nodes), ints_attribute(prefix + "_ids", targets),
        floats_attribute(prefix + "_weights", weights)};
    if (!missing.empty()) all.push_back(ints_attribute("nodes_missing_value_tracks_true", missing));
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  ModelBuilder regressor() const { return learning("TreeEnsembleRegressor", attributes("target")); }
};

template <typename Change>
ModelBuilder changed(const Change& change) {
  Trees trees;
  change(&trees);
  return trees.regressor();
}

TEST(TreeImportTest, WalksEnd) {
  expect_values(Trees().regressor(), {f32({2, 1}, {1, 2})}, {2, 1}, {10, 20});
  const auto invalid = [](const auto& change, const char* part) {
    expect_not_loaded(changed(change), ErrorCode::kModelInvalid, part);
  };
  invalid([](Trees* t) { t->no[0] = 1; }, "two parents");
  invalid([](Trees* t) { t->no[0] = 3; }, "missing");
  invalid([](Trees* t) { t->trees[2] = 1; }, "missing");
  invalid([](Trees* t) { t->nodes[2] = 1; }, "given twice");
  invalid([](Trees* t) { t->modes[1] = "BRANCH_SET"; }, "unknown mode");
  invalid([](Trees* t) { t->features[0] = -1; }, "negative");
  invalid([](Trees* t) { t->features[0] = int64_t{1} << 31; }, "negative");
  for (size_t list = 0; list < 8; ++list) {
    invalid(
        [&](Trees* t) {
          std::vector<int64_t>* const lists[] = {&t->trees, &t->nodes, &t->features, &t->yes, &t->no, &t->missing};
          if (list < 6) lists[list]->push_back(0);
          if (list == 6) t->values.pop_back();
          if (list == 7) t->modes.push_back("LEAF");
        },
        "different lengths");
  }
  // Two nodes that are each other's children have no way in: nothing is added.
  expect_values(changed([](Trees* t) {
                  t->modes[1] = "BRANCH_LEQ";
                  t->trees = {0, 0, 0, 0};
                  t->nodes = {0, 1, 2, 3};
                  t->features = {0, 0, 0, 0};
                  t->modes = {"BRANCH_LEQ", "BRANCH_LEQ", "LEAF", "LEAF"};
                  t->values = {1, 1, 0, 0};
                  t->yes = {1, 0, 0, 0};
                  t->no = {2, 3, 0, 0};
                  t->leaf_nodes = {2, 3};
                }),
                {f32({1, 1}, {0})}, {1, 1}, {0});
}

TEST(TreeImportTest, Shares) {
  const auto invalid = [](const auto& change, const char* part) {
    expect_not_loaded(changed(change), ErrorCode::kModelInvalid, part);
  };
  invalid([](Trees* t) { t->leaf_nodes[1] = 3; }, "not there");
  invalid([](Trees* t) { t->targets[1] = 1; }, "not there");
  invalid([](Trees* t) { t->targets[1] = -1; }, "not there");
  invalid([](Trees* t) { t->leaf_trees.push_back(0); }, "different lengths");
  invalid([](Trees* t) { t->leaf_nodes.push_back(0); }, "different lengths");
  invalid([](Trees* t) { t->targets.push_back(0); }, "different lengths");
  invalid([](Trees* t) { t->weights.pop_back(); }, "different lengths");
  invalid([](Trees* t) { t->more = {int_attribute("n_targets", 0)}; }, "must be positive");
  invalid([](Trees* t) { t->more = {int_attribute("n_targets", int64_t{1} << 31)}; }, "must be positive");
  invalid([](Trees* t) { t->more = {string_attribute("aggregate_function", "MEDIAN")}; }, "aggregate_function");
  for (const int64_t targets : {1, 3}) {
    const auto two = floats_attribute("base_values", {1, 2});
    invalid([&](Trees* t) { t->more = {two, int_attribute("n_targets", targets)}; }, "base_values");
  }
  // In any order, several for a leaf; what a branch is given counts for nothing.
  expect_values(changed([](Trees* t) {
                  t->leaf_trees = {0, 0, 0, 0};
                  t->leaf_nodes = {2, 1, 0, 2};
                  t->targets = {1, 0, 0, 0};
                  t->weights = {5, 6, 100, 7};
                  t->more = {int_attribute("n_targets", 2)};
                }),
                {f32({2, 1}, {1, 2})}, {2, 2}, {6, 0, 7, 5});
}

// As in every comparison NaN is unequal to the threshold, unless missing values are tracked.
TEST(TreeImportTest, MissingValues) {
  struct Case {
    const char* mode;
    int64_t tracked;
    float want;
  };
  for (const Case& one : {Case{"BRANCH_LEQ", 0, 20}, Case{"BRANCH_LEQ", 1, 10}, Case{"BRANCH_EQ", 0, 20},
                          Case{"BRANCH_GTE", 1, 10}, Case{"BRANCH_NEQ", 0, 10}, Case{"BRANCH_NEQ", 1, 10}}) {
    expect_values(changed([&](Trees* t) {
                    t->modes[0] = one.mode;
                    t->missing = {one.tracked, 0, 0};
                  }),
                  {f32({1, 1}, {std::nanf("")})}, {1, 1}, {one.want});
  }
}

// Node 3 of tree 0 hangs on nothing: it is neither walked nor one of the trees that are averaged.
TEST(TreeImportTest, OneRootForEachTree) {
  const auto cut = [](const char* aggregate) {
    return changed([&](Trees* t) {
      t->trees = {0, 0, 0, 0, 7};
      t->nodes = {0, 1, 2, 3, 0};
      t->features = t->yes = t->no = {0, 0, 0, 0, 0};
      t->yes[0] = 1;
      t->no[0] = 2;
      t->modes = {"BRANCH_LEQ", "LEAF", "LEAF", "LEAF", "LEAF"};
      t->values = {1, 0, 0, 0, 0};
      t->leaf_trees = {0, 0, 0, 7};
      t->leaf_nodes = {1, 2, 3, 0};
      t->targets = {0, 0, 0, 0};
      t->weights = {10, 20, 1000, 4};
      t->more = {string_attribute("aggregate_function", aggregate)};
    });
  };
  expect_values(cut("SUM"), {f32({2, 1}, {1, 2})}, {2, 1}, {14, 24});
  expect_values(cut("AVERAGE"), {f32({2, 1}, {1, 2})}, {2, 1}, {7, 12});
  expect_values(cut("MIN"), {f32({2, 1}, {1, 2})}, {2, 1}, {4, 4});
}

// Two classes of which one has the scores.
ModelBuilder two_classes(int64_t scored, const std::vector<float>& weights, const std::vector<Proto>& more) {
  Trees trees;
  trees.targets = {scored, scored};
  trees.weights = weights;
  trees.more = more;
  trees.more.push_back(ints_attribute("classlabels_int64s", {5, 9}));
  ModelBuilder builder;
  builder.domains = {"ai.onnx.ml"};
  builder.input("x0", {2, 1}).output("y").output("label", 7);
  return builder.add(node("TreeEnsembleClassifier", {"x0"}, {"label", "y"}, trees.attributes("class"), "ai.onnx.ml"));
}

TEST(TreeImportTest, OneOfTwoClasses) {
  const AnyTensor x = f32({2, 1}, {1, 2});
  expect_values(two_classes(0, {0.25f, 0.75f}, {}), {x}, {2, 2}, {0.75f, 0.25f, 0.25f, 0.75f});
  expect_values(two_classes(0, {-0.25f, 0.75f}, {}), {x}, {2, 2}, {0.25f, -0.25f, -0.75f, 0.75f});
  expect_values(two_classes(1, {0.25f, 0.75f}, {}), {x}, {2, 2}, {0, 0.25f, 0, 0.75f});
  // Weights from 0 are probabilities.
  expect_values(two_classes(0, {0, 0.75f}, {}), {x}, {2, 2}, {1, 0, 0.25f, 0.75f});
  const auto transform = [](const char* name) { return std::vector<Proto>{string_attribute("post_transform", name)}; };
  expect_values(two_classes(0, {0.25f, 0.75f}, transform("SOFTMAX_ZERO")), {x}, {2, 2}, {0.75f, 0.25f, 0.25f, 0.75f});
  expect_not_loaded(two_classes(0, {0.25f, 0.75f}, transform("PROBIT")), ErrorCode::kOpUnsupported, "PROBIT");
  expect_not_loaded(two_classes(1, {0.25f, 0.75f}, transform("PROBIT")), ErrorCode::kOpUnsupported, "PROBIT");
  expect_not_loaded(two_classes(0, {0.25f, 0.75f}, transform("SOFTMIN")), ErrorCode::kOpUnsupported, "SOFTMIN");
  const std::vector<Proto> one_base = {floats_attribute("base_values", {0.5f})};
  expect_values(two_classes(0, {0.25f, 0.75f}, one_base), {x}, {2, 2}, {0.25f, 0.75f, -0.25f, 1.25f});
  expect_not_loaded(two_classes(1, {0.25f, 0.75f}, one_base), ErrorCode::kOpUnsupported, "base_values");
  expect_not_loaded(two_classes(0, {0.25f, 0.75f}, {floats_attribute("base_values", {0.5f, 0.5f})}),
                    ErrorCode::kOpUnsupported, "base_values");
}

// With scores for both, the label is that of the higher.
TEST(TreeImportTest, BothOfTwoClasses) {
  Trees trees;
  trees.leaf_trees = {0, 0, 0, 0};
  trees.leaf_nodes = {1, 1, 2, 2};
  trees.targets = {0, 1, 0, 1};
  trees.weights = {0.75f, 0.25f, 0.25f, 0.75f};
  trees.more = {ints_attribute("classlabels_int64s", {5, 9})};
  ModelBuilder builder;
  builder.domains = {"ai.onnx.ml"};
  builder.input("x0", {2, 1}).output("label", 7).output("y");
  builder.add(node("TreeEnsembleClassifier", {"x0"}, {"label", "y"}, trees.attributes("class"), "ai.onnx.ml"));
  const auto got = run_any(*load(builder), {{"x0", f32({2, 1}, {1, 2})}});
  ASSERT_TRUE(got.ok()) << got.error().message;
  EXPECT_EQ((*got)[0].values<int64_t>(), (std::vector<int64_t>{5, 9}));
  EXPECT_EQ((*got)[1].values<float>(), (std::vector<float>{0.75f, 0.25f, 0.25f, 0.75f}));
}

// Threads have sums of their own.
TEST(TreeImportTest, ManyRowsOnManyThreads) {
  auto pool = ThreadPool::create(4);
  ASSERT_TRUE(pool.ok());
  SessionOptions options;
  options.pool = pool->get();
  Trees trees;
  trees.leaf_trees = {0, 0, 0, 0, 0, 0};
  trees.leaf_nodes = {1, 1, 1, 2, 2, 2};
  trees.targets = {0, 1, 2, 0, 1, 2};
  trees.weights = {1, 2, 3, 4, 5, 6};
  // Trees of one leaf each make the sum of a row take a while.
  for (int64_t tree = 1; tree <= 300; ++tree) {
    for (std::vector<int64_t>* list : {&trees.nodes, &trees.features, &trees.yes, &trees.no}) list->push_back(0);
    trees.trees.push_back(tree);
    trees.modes.emplace_back("LEAF");
    trees.values.push_back(0);
    trees.leaf_trees.push_back(tree);
    trees.leaf_nodes.push_back(0);
    trees.targets.push_back(tree % 3);
    trees.weights.push_back(1);
  }
  trees.more = {int_attribute("n_targets", 3), floats_attribute("base_values", {10})};
  const auto session = Session::create_from_bytes(trees.regressor().build(), options);
  ASSERT_TRUE(session.ok()) << session.error().message;
  constexpr int64_t kRows = 20'000;
  std::vector<float> x, want;
  for (int64_t row = 0; row < kRows; ++row) {
    const bool yes = row % 3 == 0;
    x.push_back(yes ? 0.0f : 2.0f);
    for (const float weight : {1.0f, 2.0f, 3.0f}) want.push_back(110 + weight + (yes ? 0.0f : 3.0f));
  }
  const auto got = run_any(**session, {{"x0", f32({kRows, 1}, x)}});
  ASSERT_TRUE(got.ok()) << got.error().message;
  EXPECT_TRUE((*got)[0].values<float>() == want);
}

// Rows of another width than the model's are refused, not cut anew.
TEST(LinearImportTest, RowsAreAsWideAsTheModel) {
  const ModelBuilder linear = learning(
      "LinearRegressor", {floats_attribute("coefficients", {1, 2, 3, 4}), floats_attribute("intercepts", {1})});
  expect_values(linear, {f32({4}, {1, 1, 1, 1})}, {1, 1}, {11});
  expect_values(linear, {f32({2, 4}, {1, 1, 1, 1, 0, 0, 0, 1})}, {2, 1}, {11, 5});
  expect_values(linear, {f32({0, 4}, {})}, {0, 1}, {});
  expect_not_run(linear, f32({2, 2}, {1, 1, 1, 1}), "[2, 2]");
  expect_not_run(linear, f32({4, 1}, {1, 1, 1, 1}), "[4, 1]");
  expect_not_run(linear, f32({8, 1}, {1, 1, 1, 1, 1, 1, 1, 1}), "[8, 1]");
  expect_not_run(linear, f32({1, 2, 4}, {1, 1, 1, 1, 1, 1, 1, 1}), "[1, 2, 4]");
  const ModelBuilder support =
      learning("SVMRegressor", {string_attribute("kernel_type", "RBF"), floats_attribute("kernel_params", {0.5f, 0, 3}),
                                int_attribute("n_supports", 1), floats_attribute("support_vectors", {1, 2, 3}),
                                floats_attribute("coefficients", {2}), floats_attribute("rho", {0.5f})});
  expect_values(support, {f32({3}, {1, 2, 3})}, {1, 1}, {2.5f});
  expect_not_run(support, f32({1, 1}, {1}), "[1, 1]");
}

TEST(LinearImportTest, Refusals) {
  const auto coefficients = floats_attribute("coefficients", {1, 2, 3});
  expect_not_loaded(learning("LinearRegressor", {coefficients, int_attribute("targets", 2)}), ErrorCode::kModelInvalid,
                    "3 values for 2 outputs");
  expect_not_loaded(learning("LinearRegressor", {coefficients, int_attribute("targets", 0)}), ErrorCode::kModelInvalid,
                    "0 outputs");
  expect_not_loaded(learning("LinearRegressor", {}), ErrorCode::kModelInvalid, "0 values");
  expect_not_loaded(learning("LinearRegressor", {coefficients, floats_attribute("intercepts", {1, 2})}),
                    ErrorCode::kModelInvalid, "intercepts");
  expect_not_loaded(learning("LinearClassifier", {coefficients, floats_attribute("intercepts", {1}),
                                                  ints_attribute("classlabels_ints", {0, 1})}),
                    ErrorCode::kOpUnsupported, "one row for two classes");
  expect_not_loaded(learning("LinearClassifier", {coefficients, strings_attribute("classlabels_strings", {"a", "b"})}),
                    ErrorCode::kOpUnsupported, "strings");
  expect_not_loaded(learning("LinearClassifier", {coefficients}), ErrorCode::kModelInvalid, "labels");
  const auto vectors = floats_attribute("support_vectors", {1, 2, 3});
  expect_not_loaded(learning("SVMRegressor", {coefficients, vectors, int_attribute("n_supports", 2)}),
                    ErrorCode::kModelInvalid, "n_supports");
  expect_not_loaded(learning("SVMRegressor", {coefficients, vectors, int_attribute("n_supports", -1)}),
                    ErrorCode::kModelInvalid, "n_supports");
  expect_not_loaded(learning("SVMRegressor", {coefficients, int_attribute("n_supports", 3)}), ErrorCode::kModelInvalid,
                    "n_supports");
  expect_not_loaded(
      learning("SVMRegressor", {vectors, floats_attribute("coefficients", {1, 2}), int_attribute("n_supports", 3)}),
      ErrorCode::kModelInvalid, "coefficients");
}

// Parameters for more features than there are do not make columns.
TEST(FeatureImportTest, KeepsTheDimsOfX) {
  const auto three = [](const char* name) { return floats_attribute(name, {1, 2, 3}); };
  const ModelBuilder scaler = learning("Scaler", {three("offset"), three("scale")});
  expect_values(scaler, {f32({3}, {1, 2, 4})}, {3}, {0, 0, 3});
  expect_not_run(scaler, f32({2, 1}, {1, 2}), "[2, 3]");
  const ModelBuilder imputer =
      learning("Imputer", {three("imputed_value_floats"), float_attribute("replaced_value_float", 0)});
  expect_values(imputer, {f32({1, 3}, {0, 7, 0})}, {1, 3}, {1, 7, 3});
  expect_not_run(imputer, f32({2, 1}, {1, 2}), "[2, 3]");
}

// A row without a norm stays as it is.
TEST(FeatureImportTest, RowsWithoutANorm) {
  for (const char* norm : {"MAX", "L1", "L2"}) {
    expect_values(learning("Normalizer", {string_attribute("norm", norm)}), {f32({2, 2}, {0, 0, 0, 3})}, {2, 2},
                  {0, 0, 0, 1});
  }
  expect_values(learning("Normalizer", {}), {f32({2}, {-3, 0})}, {2}, {-3, 0});
  expect_not_loaded(learning("Normalizer", {string_attribute("norm", "L3")}), ErrorCode::kModelInvalid, "norm");
}

TEST(FeatureImportTest, ThresholdsBetweenIntegers) {
  const auto session = load(learning("Binarizer", {float_attribute("threshold", -0.5f)}, 1, 7));
  ASSERT_TRUE(session);
  const auto got = run_any(*session, {{"x0", i64({4}, {-1, 0, 1, INT64_MAX})}});
  ASSERT_TRUE(got.ok()) << got.error().message;
  EXPECT_EQ((*got)[0].values<int64_t>(), (std::vector<int64_t>{0, 1, 1, 1}));
}

TEST(FeatureImportTest, FeaturesSideBySide) {
  const auto widths = [](const std::vector<int64_t>& values) { return ints_attribute("inputdimensions", values); };
  const AnyTensor wide = f32({2, 2}, {1, 2, 3, 4}), narrow = f32({2, 1}, {5, 6});
  expect_values(learning("FeatureVectorizer", {widths({2, 1})}, 2), {wide, narrow}, {2, 3}, {1, 2, 5, 3, 4, 6});
  expect_values(learning("FeatureVectorizer", {widths({1, 1})}, 2), {wide, narrow}, {2, 2}, {1, 5, 3, 6});
  expect_values(learning("FeatureVectorizer", {widths({2, 1})}, 2), {f32({2}, {1, 2}), f32({1}, {3})}, {1, 3},
                {1, 2, 3});
  expect_values(learning("FeatureVectorizer", {widths({4})}), {f32({1, 2, 2}, {1, 2, 3, 4})}, {1, 4}, {1, 2, 3, 4});
  expect_not_run(learning("FeatureVectorizer", {widths({3})}), wide, "[2, 2]");
  expect_not_loaded(learning("FeatureVectorizer", {widths({2})}, 2), ErrorCode::kModelInvalid, "expected 2 values");
  expect_not_loaded(learning("FeatureVectorizer", {widths({0})}), ErrorCode::kModelInvalid, "positive");
}

}  // namespace
}  // namespace sealedge
