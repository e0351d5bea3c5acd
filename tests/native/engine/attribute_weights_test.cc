// Some operators have their weights in attributes. They are constants of the model like any other: in its store, which
// of a sealed model is secret memory, and among what a residency scan looks for.
#include <gtest/gtest.h>

#include "engine/residency.h"
#include "run_any.h"

namespace sealedge {
namespace {

using namespace testing;

void expect_weights(const char* name, const ModelBuilder& builder, size_t bytes) {
  const auto session = load(builder);
  ASSERT_TRUE(session) << name;
  const auto report = session->residency({});
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_GE(report->weight_bytes, bytes) << name;
}

TEST(AttributeWeightsTest, AreConstants) {
  constexpr size_t kCount = 100;
  std::vector<float> weights;
  std::vector<int64_t> numbers;
  for (size_t i = 0; i < kCount; ++i) {
    weights.push_back(0.5f + static_cast<float>(i));
    numbers.push_back(static_cast<int64_t>(i));
  }
  ModelBuilder words;
  words.input("x", {4}, 7).output("y");
  words.add(node("TfIdfVectorizer", {"x"}, {"y"},
                 {string_attribute("mode", "TFIDF"), int_attribute("min_gram_length", 1),
                  int_attribute("max_gram_length", 1), int_attribute("max_skip_count", 0),
                  ints_attribute("ngram_counts", {0}), ints_attribute("ngram_indexes", numbers),
                  ints_attribute("pool_int64s", numbers), floats_attribute("weights", weights)}));
  expect_weights("TfIdfVectorizer", words, kCount * sizeof(float));
  const auto session = load(words);
  const auto counted = run_any(*session, {{"x", i64({4}, {3, 3, 99, 1000})}});
  ASSERT_TRUE(counted.ok()) << counted.error().message;
  EXPECT_EQ((*counted)[0].values<float>()[3], 7);
  EXPECT_EQ((*counted)[0].values<float>()[99], 99.5f);

  ModelBuilder image;
  image.opset = 6;
  image.input("x", {1, kCount, 1, 1}).output("y");
  image.add(node("ImageScaler", {"x"}, {"y"}, {floats_attribute("bias", weights)}));
  expect_weights("ImageScaler", image, kCount * sizeof(float));
}

}  // namespace
}  // namespace sealedge
