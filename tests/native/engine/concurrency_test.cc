// Any number of runs on one session at once: own activations each, weights and plans shared.
#include <gtest/gtest.h>

#include <thread>

#include "core/thread_pool.h"
#include "run_any.h"

namespace sealedge {
namespace {

using namespace testing;

// Data-dependent shapes, a loop with a weight, a shape that is an input, and a bias that may be fed.
ModelBuilder everything() {
  ModelBuilder body;
  body.input("i", {}, 7).input("go", {}, 9).input("state", {-1, 16});
  std::vector<float> turn(16 * 16);
  for (size_t i = 0; i < 16; ++i) turn[i * 16 + (i + 1) % 16] = 1;
  body.constant(floats("turn", {16, 16}, turn));
  body.add(node("MatMul", {"state", "turn"}, {"turned"})).add(node("Identity", {"go"}, {"still"}));
  body.output("still", 9).output("turned").output("turned");
  ModelBuilder builder;
  builder.input("x", {-1, 16}).input("count", {}, 7).input("shape", {-1}, 7).input("bias", {16});
  builder.constant(floats("bias", {16}, std::vector<float>(16, 0.0f))).constant(int64s("axis", {1}, {0}));
  builder.add(node("Add", {"x", "bias"}, {"moved"}));
  builder.add(node("Loop", {"count", "", "moved"}, {"turned", "steps"}, {graph_attribute("body", body)}));
  builder.add(node("Reshape", {"turned", "shape"}, {"shaped"})).output("shaped");
  builder.add(node("Reshape", {"turned", "flat"}, {"line"})).constant(int64s("flat", {1}, {-1}));
  builder.add(node("NonZero", {"line"}, {"where"})).add(node("Squeeze", {"where", "axis"}, {"index"}));
  builder.add(node("Gather", {"line", "index"}, {"positive"})).output("positive");
  return builder;
}

void run_and_check(const Session& session, unsigned seed, std::atomic<unsigned>* wrong) {
  const int64_t rows = 1 + seed % 3;
  const int64_t count = seed % 5;
  const float bias = seed % 2 ? 1.0f : 0.0f;
  std::vector<float> x(static_cast<size_t>(rows) * 16);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>((i * 7 + seed) % 4);
  std::vector<float> turned(x.size()), positive;
  for (size_t i = 0; i < x.size(); ++i) {
    turned[i / 16 * 16 + (i + static_cast<size_t>(count)) % 16] = x[i] + bias;
  }
  for (float v : turned) {
    if (v != 0) positive.push_back(v);
  }
  const std::vector<int64_t> shape = seed % 2 ? std::vector<int64_t>{16, rows} : std::vector<int64_t>{4, -1, 2};
  std::map<std::string, AnyTensor> inputs = {{"x", f32({rows, 16}, x)},
                                             {"count", i64({}, {count})},
                                             {"shape", i64({static_cast<int64_t>(shape.size())}, shape)}};
  if (bias != 0) inputs.emplace("bias", f32({16}, std::vector<float>(16, bias)));
  const auto outputs = run_any(session, inputs);
  if (!outputs.ok() || (*outputs)[0].values<float>() != turned || (*outputs)[1].values<float>() != positive) ++*wrong;
}

TEST(ConcurrencyTest, RunsDoNotDisturbEachOther) {
  for (unsigned pool_threads : {0u, 3u}) {
    std::unique_ptr<ThreadPool> pool;
    if (pool_threads > 0) pool = std::move(ThreadPool::create(pool_threads)).value();
    SessionOptions options;
    options.pool = pool.get();
    options.max_cached_plans = 3;  // so that plans are made and dropped all the time
    const auto session = Session::create_from_bytes(everything().build(), options);
    ASSERT_TRUE(session.ok()) << session.error().message;
    std::atomic<unsigned> wrong = 0;
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        for (unsigned i = 0; i < 40; ++i) run_and_check(**session, t * 13 + i, &wrong);
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0u);
  }
}

TEST(ConcurrencyTest, ReleaseWaitsForRuns) {
  const auto session = load(everything());
  ASSERT_TRUE(session);
  std::atomic<unsigned> wrong = 0;
  std::atomic<bool> released = false;
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (unsigned i = 0; !released; ++i) {
        std::atomic<unsigned> here = 0;
        run_and_check(*session, t + i, &here);
        if (here > 0 && !released) ++wrong;
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  released = true;
  session->release();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0u);
  const auto after = run_any(*session, {{"x", f32({1, 16}, std::vector<float>(16))}});
  ASSERT_FALSE(after.ok());
  EXPECT_EQ(after.error().code, ErrorCode::kModelClosed);
}

}  // namespace
}  // namespace sealedge
