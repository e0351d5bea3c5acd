// Pad in every mode against the definition: where each element of the output comes from.
#include <optional>

#include "typed_ops.h"

namespace sealedge::testing {
namespace {

// The coordinate in the input, or nothing where the value goes; `left` elements remain after negative pads have cut.
std::optional<int64_t> source(const std::string& mode, int64_t at, int64_t left) {
  if (at >= 0 && at < left) return at;
  if (mode == "constant") return std::nullopt;
  if (mode == "edge") return at < 0 ? 0 : left - 1;
  if (mode == "wrap") return ((at % left) + left) % left;
  while (at < 0 || at >= left) {  // mirrored at both ends, as often as needed; the ends are not repeated
    if (left == 1) return 0;
    at = at < 0 ? -at : 2 * (left - 1) - at;
  }
  return at;
}

TEST(PadTest, TakesEveryElementFromWhereItsModeSays) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    RandomCase random(seed);
    const std::string mode = std::array{"constant", "edge", "reflect", "wrap"}[seed % 4];
    const auto rank = static_cast<size_t>(random.between(1, seed % 5 == 0 ? 6 : 3));
    const Dims dims = random.dims(rank, 3, false);
    std::vector<int64_t> pads;
    Dims out = dims, left = dims;
    for (size_t side = 0; side < 2; ++side) {
      for (size_t d = 0; d < rank; ++d) {
        const int64_t pad = random.between(left[d] > 1 ? -1 : 0, rank > 3 ? 1 : 5);
        pads.push_back(pad);
        out[d] += pad;
        left[d] += std::min<int64_t>(pad, 0);
      }
    }
    const std::vector<int64_t> x = random.ints(static_cast<size_t>(element_count(dims)), 1, 99);
    const auto got = typed_ok(
        make_pad(mode),
        {typed<int16_t, int64_t>(dims, x), i64({static_cast<int64_t>(pads.size())}, pads), scalar_of(int16_t{-7})})[0];
    ASSERT_EQ(got.dims, out);
    for_each_index(out, [&](const Dims& at) {
      Dims from;
      bool inside = true;
      for (size_t d = 0; d < rank; ++d) {
        const auto place = source(mode, at[d] - std::max<int64_t>(pads[d], 0), left[d]);
        inside = inside && place.has_value();
        from.push_back(place.value_or(0) + std::max<int64_t>(-pads[d], 0));
      }
      EXPECT_EQ(got.values<int16_t>()[flat_index(out, at)], inside ? x[flat_index(dims, from)] : -7)
          << mode << " " << dims_to_string(at) << " seed " << seed;
    });
  }
}

TEST(PadTest, RefusesWhatHasNothingToRepeat) {
  typed_error(make_pad("edge"), {f32({0}, {}), i64({2}, {1, 0})}, ErrorCode::kShapeMismatch, "nothing to repeat");
  typed_error(make_pad("wrap"), {f32({2}, {1, 2}), i64({2}, {int64_t{1} << 39, 0})}, ErrorCode::kOpUnsupported, "wide");
  typed_error(make_pad("constant"), {f32({2}, {1, 2}), i64({2}, {-3, 0})}, ErrorCode::kShapeMismatch, "do not fit");
}

}  // namespace
}  // namespace sealedge::testing
