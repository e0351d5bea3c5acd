// Products of every element type, Einsum and Det against their definitions.
#include "graph/ops/product/linear_algebra.h"

#include <cmath>
#include <map>

#include "graph/ops.h"
#include "typed_ops.h"

namespace sealedge::testing {
namespace {

size_t count_of(const Dims& dims) { return static_cast<size_t>(element_count(dims)); }

template <typename T>
void multiplies() {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    RandomCase random(seed);
    const int64_t m = random.between(1, 5), k = random.between(0, 6), n = random.between(1, 70);
    const bool trans_a = seed % 2 == 1, trans_b = seed % 3 == 1;
    const Dims a_dims = trans_a ? Dims{k, m} : Dims{m, k}, b_dims = trans_b ? Dims{n, k} : Dims{k, n};
    const std::vector<int64_t> a = random.ints(count_of(a_dims), 0, 15), b = random.ints(count_of(b_dims), 0, 15);
    const auto got =
        typed_ok(make_gemm(trans_a, trans_b), {typed<T, int64_t>(a_dims, a), typed<T, int64_t>(b_dims, b)})[0];
    ASSERT_EQ(got.dims, (Dims{m, n}));
    for_each_index(got.dims, [&](const Dims& at) {
      int64_t sum = 0;
      for (int64_t i = 0; i < k; ++i) {
        sum += a[flat_index(a_dims, trans_a ? Dims{i, at[0]} : Dims{at[0], i})] *
               b[flat_index(b_dims, trans_b ? Dims{at[1], i} : Dims{i, at[1]})];
      }
      EXPECT_EQ(got.template values<T>()[flat_index(got.dims, at)], element_of<T>(sum));
    });
  }
}

// numpy.matmul: what is summed over has one length, and batches broadcast.
TEST(ProductTypesTest, ProductsThatDoNotFit) {
  const auto refused = [](bool trans_b, const Dims& a, const Dims& b) {
    for (const bool constant : {false, true}) {
      const TestTensor right = constant ? noise(b).as_constant() : noise(b);
      expect_error(make_matmul(trans_b), {noise(a), right}, ErrorCode::kShapeMismatch, "cannot multiply");
      const TestTensor wide = typed<double, float>(b, noise(b).floats());
      expect_error(make_matmul(trans_b), {typed<double, float>(a, noise(a).floats()), wide}, ErrorCode::kShapeMismatch,
                   "cannot multiply");
    }
  };
  for (const bool trans_b : {false, true}) {
    refused(trans_b, {2, 3}, trans_b ? Dims{5, 4} : Dims{4, 5});
    refused(trans_b, {2, 3}, trans_b ? Dims{5, 2} : Dims{2, 5});
    refused(trans_b, {3}, trans_b ? Dims{5, 4} : Dims{4, 5});
    refused(trans_b, {2, 2, 3}, trans_b ? Dims{3, 5, 3} : Dims{3, 3, 5});
    refused(trans_b, {}, {3, 3});
    refused(trans_b, {3, 3}, {});
  }
  refused(false, {2, 3}, {4});
  refused(true, {2, 3}, {3});
  refused(true, {2, 1}, {3});
}

TEST(ProductTypesTest, GemmOfEveryType) {
  multiplies<double>();
  multiplies<Float16>();
  multiplies<int32_t>();
  multiplies<int64_t>();
  multiplies<uint32_t>();
  multiplies<uint64_t>();
  multiplies<uint8_t>();
  typed_error(make_gemm(false, false), {typed<double, double>({1, 1}, {1}), f32({1, 1}, {1})},
              ErrorCode::kShapeMismatch, "types");
  typed_error(make_matmul(false), {boolean({1, 1}, {1}), boolean({1, 1}, {1})}, ErrorCode::kOpUnsupported, "bool");
}

TEST(ProductTypesTest, MatMulBroadcastsBatches) {
  RandomCase random(3);
  const Dims a_dims = {2, 1, 2, 3}, b_dims = {4, 3, 2};
  const std::vector<int64_t> a = random.ints(12, -9, 9), b = random.ints(24, -9, 9);
  const auto got = typed_ok(make_matmul(false), {i64(a_dims, a), i64(b_dims, b)})[0];
  ASSERT_EQ(got.dims, (Dims{2, 4, 2, 2}));
  for_each_index(got.dims, [&](const Dims& at) {
    int64_t sum = 0;
    for (int64_t i = 0; i < 3; ++i) {
      sum += a[flat_index(a_dims, {at[0], 0, at[2], i})] * b[flat_index(b_dims, {at[1], i, at[3]})];
    }
    EXPECT_EQ(got.values<int64_t>()[flat_index(got.dims, at)], sum);
  });
  EXPECT_EQ(typed_ok(make_matmul(false), {i64({2}, {1, 2}), i64({2}, {3, 4})})[0].values<int64_t>(),
            (std::vector<int64_t>{11}));
}

// The definition, letter by letter: sums over all labels that are not in the output. No ellipsis.
std::vector<double> einsum_by_definition(const std::vector<std::string>& terms, const std::string& output,
                                         const std::map<char, int64_t>& sizes, const std::vector<Dims>& dims,
                                         const std::vector<std::vector<float>>& values) {
  std::string letters = output;
  for (const auto& [letter, size] : sizes) {
    if (output.find(letter) == std::string::npos) letters += letter;
  }
  Dims all, out;
  for (char letter : letters) all.push_back(sizes.at(letter));
  for (char letter : output) out.push_back(sizes.at(letter));
  std::vector<double> result(count_of(out), 0.0);
  for_each_index(all, [&](const Dims& at) {
    double product = 1;
    for (size_t i = 0; i < terms.size(); ++i) {
      Dims place;
      for (size_t d = 0; d < terms[i].size(); ++d) {
        place.push_back(dims[i][d] == 1 ? 0 : at[letters.find(terms[i][d])]);
      }
      product *= static_cast<double>(values[i][flat_index(dims[i], place)]);
    }
    result[flat_index(out, Dims(at.begin(), at.begin() + static_cast<ptrdiff_t>(output.size())))] += product;
  });
  return result;
}

TEST(EinsumTest, FollowsTheDefinitionOnRandomEquations) {
  for (uint32_t seed = 0; seed < 150; ++seed) {
    RandomCase random(seed);
    std::map<char, int64_t> sizes;
    std::vector<std::string> terms;
    std::string equation, output;
    for (int64_t i = random.between(1, 3); i > 0; --i) {
      std::string term;
      for (int64_t d = random.between(0, 3); d > 0; --d) term += static_cast<char>('i' + random.between(0, 4));
      for (char letter : term) {
        if (!sizes.contains(letter)) sizes[letter] = seed % 10 == 0 ? random.between(0, 12) : random.between(1, 5);
      }
      equation += (terms.empty() ? "" : " ,") + term;
      terms.push_back(term);
    }
    for (const auto& [letter, size] : sizes) {
      if (random.between(0, 1) == 1)
        output.insert(output.begin() + random.between(0, static_cast<int64_t>(output.size())), letter);
    }
    std::vector<Dims> dims;
    std::vector<std::vector<float>> values;
    std::vector<TestTensor> inputs;
    for (const std::string& term : terms) {
      Dims own;
      for (char letter : term) own.push_back(sizes[letter]);
      dims.push_back(own);
      values.push_back(random.floats(count_of(own), -1, 1));
      inputs.push_back(f32(own, values.back()));
    }
    const auto got = typed_ok(make_einsum(equation + "->" + output), inputs)[0];
    const std::vector<double> want = einsum_by_definition(terms, output, sizes, dims, values);
    ASSERT_EQ(got.floats().size(), want.size()) << equation << "->" << output;
    for (size_t i = 0; i < want.size(); ++i) {
      EXPECT_NEAR(got.floats()[i], want[i], 1e-4) << equation << "->" << output << " seed " << seed;
    }
  }
}

TEST(EinsumTest, EllipsesImplicitOutputAndBroadcasting) {
  RandomCase random(1);
  const std::vector<float> a = random.floats(24), b = random.floats(24);
  // Batches of different rank align from the right, as in matmul.
  EXPECT_EQ(typed_ok(make_einsum("...ij,...jk"), {f32({2, 1, 3, 4}, a), f32({2, 4, 3}, b)})[0].dims,
            (Dims{2, 2, 3, 3}));
  const auto product = typed_ok(make_einsum("...ij,...jk->...ik"), {f32({2, 3, 4}, a), f32({2, 4, 3}, b)})[0];
  const auto matmul = typed_ok(make_matmul(false), {f32({2, 3, 4}, a), f32({2, 4, 3}, b)})[0];
  for (size_t i = 0; i < 18; ++i) EXPECT_NEAR(product.floats()[i], matmul.floats()[i], 1e-5);
  EXPECT_EQ(typed_ok(make_einsum("ba"), {i64({2, 2}, {1, 2, 3, 4})})[0].values<int64_t>(),
            (std::vector<int64_t>{1, 3, 2, 4}))
      << "implicit output is in alphabetical order";
  EXPECT_EQ(typed_ok(make_einsum("ii"), {i64({2, 2}, {1, 2, 3, 4})})[0].values<int64_t>(), (std::vector<int64_t>{5}));
  EXPECT_EQ(typed_ok(make_einsum("...ii->...i"), {i64({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8})})[0].values<int64_t>(),
            (std::vector<int64_t>{1, 4, 5, 8}));
  EXPECT_EQ(typed_ok(make_einsum("i...->..."), {i64({2, 2}, {1, 2, 3, 4})})[0].values<int64_t>(),
            (std::vector<int64_t>{4, 6}));
  EXPECT_EQ(typed_ok(make_einsum("ij,jk->ik"), {i64({1, 1}, {2}), i64({3, 1}, {1, 2, 3})})[0].values<int64_t>(),
            (std::vector<int64_t>{12}));
  // Large enough for the packed product.
  const auto big = typed_ok(make_einsum("bij,bkj->bik"), {noise({2, 40, 33}, 5), noise({2, 37, 33}, 6)})[0];
  const auto same =
      typed_ok(make_einsum("bij,bjk->bik"),
               {noise({2, 40, 33}, 5), typed_ok(make_transpose({0, 2, 1}), {noise({2, 37, 33}, 6)})[0]})[0];
  for (size_t i = 0; i < big.floats().size(); ++i) EXPECT_NEAR(big.floats()[i], same.floats()[i], 1e-5);
}

TEST(EinsumTest, RefusesWhatIsNoEquation) {
  const TestTensor x = f32({2, 2}, {1, 2, 3, 4});
  for (const char* equation : {"i1->i", "ij->ijj", "ij->k", "ij,jk->ik", "i....j", "..ij"}) {
    typed_error(make_einsum(equation), {x}, ErrorCode::kModelInvalid, "equation");
  }
  typed_error(make_einsum("ijk->i"), {x}, ErrorCode::kShapeMismatch, "rank 2");
  typed_error(make_einsum("i->i"), {x}, ErrorCode::kShapeMismatch, "rank 2");
  typed_error(make_einsum("ij,jk->ik"), {x, f32({3, 1}, {1, 2, 3})}, ErrorCode::kShapeMismatch, "sizes");
}

TEST(DetTest, IsTheProductOfPivots) {
  EXPECT_EQ(typed_ok(make_det(), {f32({2, 2}, {0, 1, 2, 3})})[0].floats(), (std::vector<float>{-2}));
  EXPECT_EQ(typed_ok(make_det(), {typed<double, double>({2, 1, 1}, {5, -7})})[0].values<double>(),
            (std::vector<double>{5, -7}));
  EXPECT_EQ(typed_ok(make_det(), {f32({1, 0, 0}, {})})[0].floats(), (std::vector<float>{1})) << "of nothing: 1";
  EXPECT_EQ(typed_ok(make_det(), {f32({3, 3}, {1, 2, 3, 2, 4, 6, 1, 0, 1})})[0].floats(), (std::vector<float>{0}));
  EXPECT_NEAR(typed_ok(make_det(), {f32({3, 3}, {2, -1, 0, 1, 3, 2, 0, 5, -4})})[0].floats()[0], -48, 1e-5);
  typed_error(make_det(), {f32({2, 3}, std::vector<float>(6))}, ErrorCode::kShapeMismatch, "square");
}

}  // namespace
}  // namespace sealedge::testing
