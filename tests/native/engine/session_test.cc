#include "engine/session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include "core/thread_pool.h"
#include "run_model.h"

namespace sealedge {
namespace {

using testing::floats;
using testing::FloatTensor;
using testing::ModelBuilder;
using testing::node;
using testing::run_session;

// y = relu(x * w + b), with a batch of any size.
ModelBuilder dense_model() {
  return ModelBuilder()
      .input("x", {-1, 2})
      .constant(floats("w", {2, 3}, {1, 2, 3, 4, 5, 6}))
      .constant(floats("b", {3}, {0, -100, 1}))
      .add(node("Gemm", {"x", "w", "b"}, {"h"}))
      .add(node("Relu", {"h"}, {"y"}))
      .output("y");
}

std::shared_ptr<Session> load(const ModelBuilder& builder, const SessionOptions& options = {}) {
  auto session = Session::create_from_bytes(builder.build(), options);
  EXPECT_TRUE(session.ok()) << (session.ok() ? "" : session.error().message);
  return session.ok() ? *session : nullptr;
}

void expect_error(const Result<std::vector<RunOutput>>& result, ErrorCode code, const std::string& message) {
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, code);
  EXPECT_NE(result.error().message.find(message), std::string::npos) << result.error().message;
}

TEST(SessionTest, RunsEveryBatchSizeWithAPlanOfItsOwn) {
  SessionOptions options;
  options.max_cached_plans = 2;
  const auto session = load(dense_model(), options);
  for (int64_t batch : {1, 3, 2, 1, 5, 0, 3}) {
    const std::vector<float> x(static_cast<size_t>(2 * batch), 1.0f);
    const auto outputs = run_session(*session, {{"x", {{batch, 2}, x}}});
    ASSERT_TRUE(outputs.ok()) << outputs.error().message;
    EXPECT_EQ((*outputs)[0].dims, (std::vector<int64_t>{batch, 3}));
    const std::vector<float> y = testing::floats_of((*outputs)[0]);
    for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(y[i], std::vector<float>({5, 0, 10})[i % 3]);
  }
  EXPECT_EQ(session->report().step_count, 1u) << "bias and activation are the product's epilogue";
}

TEST(SessionTest, DescribesInputsAndOutputs) {
  const auto session = load(dense_model());
  ASSERT_EQ(session->inputs().size(), 1u);
  EXPECT_EQ(session->inputs()[0].name, "x");
  EXPECT_EQ(session->inputs()[0].type, DataType::kFloat32);
  ASSERT_EQ(session->inputs()[0].dims.size(), 2u);
  EXPECT_EQ(session->inputs()[0].dims[0].value, -1);
  EXPECT_EQ(session->inputs()[0].dims[0].symbol, "N");
  EXPECT_EQ(session->output_index("y"), 0u);
  EXPECT_EQ(session->output_index("z"), std::nullopt);
  const auto fixed = load(ModelBuilder().input("x", {2, 3}).add(node("Relu", {"x"}, {"y"})).output("y"));
  ASSERT_EQ(fixed->outputs()[0].dims.size(), 2u) << "known from the plan";
  EXPECT_EQ(fixed->outputs()[0].dims[1].value, 3);
}

TEST(SessionTest, RefusesWrongInputs) {
  const auto session = load(dense_model());
  const FloatTensor good{{1, 2}, {1, 1}};
  expect_error(run_session(*session, {}), ErrorCode::kInputInvalid, "input 'x' is missing");
  expect_error(run_session(*session, {{"x", good}, {"w", good}}), ErrorCode::kInputInvalid, "'w' is not an input");
  expect_error(run_session(*session, {{"x", {{1, 3}, {1, 1, 1}}}}), ErrorCode::kShapeMismatch,
               "expected [-1, 2] (-1: any), got [1, 3]");
  expect_error(run_session(*session, {{"x", {{2}, {1, 1}}}}), ErrorCode::kShapeMismatch, "got [2]");
  expect_error(run_session(*session, {{"x", {{2, 2}, {1, 1}}}}), ErrorCode::kInputInvalid, "expected 16 bytes");
  expect_error(run_session(*session, {{"x", {{-1, 2}, {}}}}), ErrorCode::kLimitExceeded, "negative");
  expect_error(run_session(*session, {{"x", {{INT64_MAX / 2, 2}, {}}}}), ErrorCode::kLimitExceeded,
               "too many elements");
  const std::vector<int64_t> dims = {1, 2};
  const std::vector<uint8_t> bytes(16);
  const RunInput doubles{"x", DataType::kFloat64, dims, bytes};
  RunOutput output;
  const auto result = session->run({&doubles, 1}, {&output, 1});
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("expected float32, got float64"), std::string::npos);
}

TEST(SessionTest, TakesUnalignedInputsAndPreallocatedOutputs) {
  const auto session = load(dense_model());
  std::vector<uint8_t> bytes(9);
  const float ones[] = {1, 1};
  std::memcpy(bytes.data() + 1, ones, sizeof ones);
  const std::vector<int64_t> dims = {1, 2};
  const RunInput input{"x", DataType::kFloat32, dims, std::span(bytes).subspan(1)};
  std::vector<uint8_t> y(12);
  RunOutput output;
  output.preallocated = y;
  ASSERT_TRUE(session->run({&input, 1}, {&output, 1}).ok());
  EXPECT_EQ(output.data, nullptr);
  float last;
  std::memcpy(&last, y.data() + 8, sizeof last);
  EXPECT_EQ(last, 10.0f);
  output.preallocated = std::span(y).first(8);
  EXPECT_EQ(session->run({&input, 1}, {&output, 1}).error().code, ErrorCode::kShapeMismatch);
}

// Outputs that are inputs passed on, wanted where inputs are: none sees what another has written there.
TEST(SessionTest, OutputsMayTakeThePlacesOfInputs) {
  const auto session = load(ModelBuilder()
                                .input("a", {2})
                                .input("b", {2})
                                .add(node("Neg", {"a"}, {"minus"}))
                                .add(node("Identity", {"a"}, {"same"}))
                                .add(node("Identity", {"b"}, {"other"}))
                                .output("minus")
                                .output("same")
                                .output("other"));
  ASSERT_TRUE(session);
  const std::vector<int64_t> dims = {2};
  const auto run = [&](std::vector<size_t> wanted) {
    std::vector<float> memory = {1, 2, 3, 4, 0, 0};
    const auto part = [&](size_t i) { return std::span(reinterpret_cast<uint8_t*>(memory.data()) + 8 * i, 8); };
    const std::vector<RunInput> inputs = {{"a", DataType::kFloat32, dims, part(0)},
                                          {"b", DataType::kFloat32, dims, part(1)}};
    std::vector<RunOutput> outputs(wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) {
      outputs[i].index = wanted[i];
      outputs[i].preallocated = part(i);
    }
    EXPECT_TRUE(session->run(inputs, outputs).ok());
    return memory;
  };
  EXPECT_EQ(run({0, 1}), (std::vector<float>{-1, -2, 1, 2, 0, 0}));
  EXPECT_EQ(run({2, 1}), (std::vector<float>{3, 4, 1, 2, 0, 0}));
  EXPECT_EQ(run({0, 2, 1}), (std::vector<float>{-1, -2, 3, 4, 1, 2}));
  EXPECT_EQ(run({1}), (std::vector<float>{1, 2, 3, 4, 0, 0}));
}

// Helpers of a pool: those that are at work or look for some, and the most there ever were at one time.
std::atomic<int> helpers_inside{0};
std::atomic<int> most_helpers{0};
constexpr ThreadHooks kCountHelpers{
    [] { return Result<void*>(static_cast<void*>(nullptr)); },
    [](void*, void (*work)(void*), void* argument) {
      const int inside = ++helpers_inside;
      int most = most_helpers;
      while (most < inside && !most_helpers.compare_exchange_weak(most, inside)) continue;
      work(argument);
      --helpers_inside;
    },
    [](void*) {},
};

// What the pool makes of the number is ThreadPool.RunsOnAsManyThreadsAsAllowed.
TEST(SessionTest, WakesHelpersWhereAllowedAndWorthIt) {
  const auto product_of = [](int64_t size) {
    return ModelBuilder()
        .input("x", {-1, size})
        .constant(floats("w", {size, size}, std::vector<float>(static_cast<size_t>(size * size), 0.5f)))
        .add(node("MatMul", {"x", "w"}, {"y"}))
        .output("y");
  };
  const auto run = [&](const Session& session, int64_t rows, int64_t size) {
    const auto outputs =
        run_session(session, {{"x", {{rows, size}, std::vector<float>(static_cast<size_t>(rows * size), 1.0f)}}});
    EXPECT_TRUE(outputs.ok());
  };
  for (const unsigned allowed : {1U, 2U, 4U, 0U, 9U}) {
    auto pool = ThreadPool::create(4, &kCountHelpers);
    ASSERT_TRUE(pool.ok());
    SessionOptions options;
    options.pool = pool->get();
    options.max_threads = allowed;
    const auto narrow = load(product_of(64), options);
    const auto wide = load(product_of(384), options);
    most_helpers = 0;
    for (int i = 0; i < 20; ++i) run(*narrow, 2, 64);
    EXPECT_EQ(most_helpers, 0) << "too little work to share";
    if (allowed == 1) {
      for (int i = 0; i < 20; ++i) run(*wide, 128, 384);
      EXPECT_EQ(most_helpers, 0);
      continue;
    }
    // One that wakes late finds nothing left to do, and on a busy machine that can be so for long.
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (most_helpers == 0 && std::chrono::steady_clock::now() < end) run(*wide, 128, 384);
    EXPECT_GE(most_helpers, 1) << allowed;
  }
}

TEST(SessionTest, RunsAtTheSameTimeDoNotDisturbEachOther) {
  auto pool = ThreadPool::create(2);
  ASSERT_TRUE(pool.ok());
  const auto session = load(dense_model());
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const auto value = static_cast<float>(t + 1);
        const int64_t batch = 1 + i % 3;
        const auto outputs =
            run_session(*session, {{"x", {{batch, 2}, std::vector<float>(static_cast<size_t>(2 * batch), value)}}});
        if (!outputs.ok() || testing::floats_of((*outputs)[0])[2] != 9 * value + 1) ++wrong[static_cast<size_t>(t)];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, (std::vector<int>{0, 0, 0, 0}));
}

TEST(SessionTest, ReleaseIsFinalAndRepeatable) {
  const auto session = load(dense_model());
  EXPECT_GT(session->report().constant_bytes, 0u);
  session->release();
  session->release();
  expect_error(run_session(*session, {{"x", {{1, 2}, {1, 1}}}}), ErrorCode::kModelClosed, "released");
  EXPECT_EQ(session->report().constant_bytes, 0u);
  EXPECT_EQ(session->inputs().size(), 1u);
}

TEST(SessionTest, RefusesAPlanThatNeedsTooMuch) {
  SessionOptions options;
  options.limits.max_arena_bytes = 1 << 20;
  ModelBuilder builder;
  builder.input("x", {1, 1})
      .constant(testing::int64s("shape", {2}, {1 << 10, 1 << 10}))
      .add(node("Expand", {"x", "shape"}, {"e"}))
      .add(node("Relu", {"e"}, {"y"}))
      .output("y");
  const auto session = Session::create_from_bytes(builder.build(), options);
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().code, ErrorCode::kLimitExceeded);
}

TEST(SessionTest, ChecksIndicesWhenRunning) {
  const auto session = load(ModelBuilder()
                                .input("i", {1}, 7)
                                .constant(floats("table", {2, 2}, {1, 2, 3, 4}))
                                .add(node("Gather", {"table", "i"}, {"y"}))
                                .output("y"));
  const std::vector<int64_t> dims = {1};
  for (const auto& [index, ok] :
       {std::pair{int64_t{1}, true}, {-2, true}, {2, false}, {-3, false}, {INT64_MIN, false}}) {
    const RunInput input{"i", DataType::kInt64, dims, {reinterpret_cast<const uint8_t*>(&index), sizeof index}};
    RunOutput output;
    EXPECT_EQ(session->run({&input, 1}, {&output, 1}).ok(), ok) << index;
  }
}

TEST(SessionTest, InputsAndConstantsMayBeOutputs) {
  const auto outputs = testing::run_model(ModelBuilder()
                                              .input("x", {2})
                                              .constant(floats("c", {2}, {7, 8}))
                                              .add(node("Identity", {"x"}, {"y"}))
                                              .output("x")
                                              .output("y")
                                              .output("c"),
                                          {{"x", {{2}, {1, 2}}}});
  ASSERT_EQ(outputs.size(), 3u);
  EXPECT_EQ(outputs[0].values, (std::vector<float>{1, 2}));
  EXPECT_EQ(outputs[1].values, (std::vector<float>{1, 2}));
  EXPECT_EQ(outputs[2].values, (std::vector<float>{7, 8}));
}

// Damaged models: any result is fine that is a result. Sanitizers say what is not.
TEST(SessionTest, SurvivesDamagedModels) {
  const std::vector<uint8_t> model =
      ModelBuilder()
          .input("x", {1, 2, 6, 6})
          .constant(floats("w", {2, 2, 3, 3}, std::vector<float>(36, 0.5f)))
          .constant(testing::int64s("shape", {2}, {1, -1}))
          .add(node("Conv", {"x", "w"}, {"c"}, {testing::ints_attribute("pads", {1, 1, 1, 1})}))
          .add(node("MaxPool", {"c"}, {"p"}, {testing::ints_attribute("kernel_shape", {2, 2})}))
          .add(node("Reshape", {"p", "shape"}, {"r"}))
          .add(node("Softmax", {"r"}, {"y"}))
          .output("y")
          .build();
  std::mt19937 random(3);
  const std::map<std::string, FloatTensor> input = {{"x", {{1, 2, 6, 6}, std::vector<float>(72, 1.0f)}}};
  SessionOptions options;
  options.limits.max_arena_bytes = 1 << 24;
  for (int i = 0; i < 4000; ++i) {
    std::vector<uint8_t> damaged = model;
    for (unsigned change = 1 + random() % 3; change-- > 0;) {
      damaged[random() % damaged.size()] = static_cast<uint8_t>(random() % 4 == 0 ? 0xff : random());
    }
    const auto session = Session::create_from_bytes(damaged, options);
    if (session.ok()) (void)run_session(**session, input).ok();
  }
}

}  // namespace
}  // namespace sealedge
