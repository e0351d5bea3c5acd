// What a store lends is given back: its room, and its bytes.
#include "graph/constant_store.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace sealedge {
namespace {

TEST(ConstantStoreTest, LendsAndTakesBack) {
  for (const auto kind : {ConstantStore::Kind::kOrdinary, ConstantStore::Kind::kSecret}) {
    ConstantStore store(kind, 64 * 1024);
    ASSERT_TRUE(store.allocate(1000).ok());
    const size_t before = store.allocated_bytes();
    auto loan = store.lend(40'000);
    ASSERT_TRUE(loan.ok()) << loan.error().message;
    EXPECT_TRUE(std::all_of(loan->data, loan->data + 40'000, [](uint8_t byte) { return byte == 0; }));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(loan->data) % 64, 0U);
    EXPECT_EQ(store.allocated_bytes(), before + 40'000);
    EXPECT_EQ(store.lend(40'000).error().code, ErrorCode::kLimitExceeded);
    EXPECT_EQ(store.allocate(40'000).error().code, ErrorCode::kLimitExceeded);
    std::shared_ptr<const void> second = loan->owner;
    loan->owner.reset();
    EXPECT_EQ(store.allocated_bytes(), before + 40'000);
    second.reset();
    EXPECT_EQ(store.allocated_bytes(), before);
    EXPECT_TRUE(store.lend(40'000).ok());
  }
}

TEST(ConstantStoreTest, ALoanOutlivesItsStore) {
  auto store = std::make_unique<ConstantStore>(ConstantStore::Kind::kSecret);
  auto loan = store->lend(10'000);
  ASSERT_TRUE(loan.ok());
  store.reset();
  std::fill_n(loan->data, 10'000, uint8_t{7});
  EXPECT_EQ(loan->data[9'999], 7);
}

TEST(ConstantStoreTest, RefusesSizesThatOverflow) {
  ConstantStore store(ConstantStore::Kind::kOrdinary);
  EXPECT_EQ(store.lend(SIZE_MAX).error().code, ErrorCode::kLimitExceeded);
}

}  // namespace
}  // namespace sealedge
