// Every reference model gives the recorded outputs within the tolerance of its meta.json.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "../kernels/kernel_testing.h"
#include "core/thread_pool.h"
#include "engine/graph_run.h"
#include "engine/loaded_model.h"
#include "engine/session_io.h"
#include "test_data.h"

namespace sealedge {
namespace {

using testing::CaseTensor;
using testing::Json;

struct Model {
  const char* folder;
  const char* file;
};

class ModelsTest : public ::testing::TestWithParam<Model> {};

void expect_close(const Json& tolerance, const CaseTensor& expected, const RunOutput& got, const std::string& what) {
  ASSERT_EQ(got.type, expected.type) << what;
  ASSERT_EQ(got.dims, expected.dims) << what;
  ASSERT_EQ(got.size_bytes, expected.bytes.size()) << what;
  double worst = 0;
  for (size_t i = 0; i < expected.bytes.size() / sizeof(float); ++i) {
    float want;
    float have;
    std::memcpy(&want, expected.bytes.data() + i * sizeof want, sizeof want);
    std::memcpy(&have, got.data.get() + i * sizeof have, sizeof have);
    const double difference = std::fabs(static_cast<double>(want) - static_cast<double>(have));
    worst = std::fmax(worst, difference);
    ASSERT_LE(difference, tolerance["atol"].number + tolerance["rtol"].number * std::fabs(static_cast<double>(want)))
        << what << " element " << i << ": expected " << want << ", got " << have;
  }
  std::printf("  %-48s largest difference %.3g\n", what.c_str(), worst);
}

void expect_reference_outputs(const Model& model, ThreadPool* pool) {
  const auto folder = testing::test_data() / "models" / model.folder;
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no test data at " << folder;
  const Json meta = testing::read_json(folder / "meta.json");
  SessionOptions options;
  options.pool = pool;
  auto session = Session::create_from_file((folder / model.file).string(), options);
  ASSERT_TRUE(session.ok()) << session.error().message;
  for (const Json& test_case : meta["cases"].items) {
    std::vector<CaseTensor> inputs;
    std::vector<RunInput> run_inputs;
    std::vector<RunOutput> outputs;
    for (const Json& input : test_case["inputs"].items) inputs.emplace_back(folder, input);
    for (const CaseTensor& input : inputs) run_inputs.push_back(input.input());
    for (const Json& output : test_case["outputs"].items) {
      const auto index = (*session)->output_index(output["name"].text);
      ASSERT_TRUE(index.has_value()) << output["name"].text;
      outputs.emplace_back().index = *index;
    }
    const auto result = (*session)->run(run_inputs, outputs);
    ASSERT_TRUE(result.ok()) << result.error().message;
    for (size_t i = 0; i < outputs.size(); ++i) {
      const CaseTensor expected(folder, test_case["outputs"].items[i]);
      expect_close(meta["tolerance"], expected, outputs[i], test_case["name"].text + " " + expected.name);
    }
  }
  const SessionReport report = (*session)->report();
  std::printf("  %zu nodes, %zu steps, constants %zu bytes, arena %zu bytes, %s\n", report.node_count,
              report.step_count, report.constant_bytes, report.arena_bytes, report.isa);
}

TEST_P(ModelsTest, GivesTheReferenceOutputs) { expect_reference_outputs(GetParam(), nullptr); }

TEST_P(ModelsTest, GivesTheReferenceOutputsOnSeveralThreads) {
  auto pool = ThreadPool::create(3);
  ASSERT_TRUE(pool.ok());
  expect_reference_outputs(GetParam(), pool->get());
}

// Decision 5: kernels keep no more of a weight than the piece they asked for last. Weights that are decrypted into a
// small scratch will come so; here each piece becomes unreadable when the next is asked for.
void expect_reference_outputs_one_piece_at_a_time(const Model& model, ThreadPool* pool) {
  const auto folder = testing::test_data() / "models" / model.folder;
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no test data at " << folder;
  const Json meta = testing::read_json(folder / "meta.json");
  NoExternalData external;
  auto loaded = LoadedModel::load(testing::read_bytes(folder / model.file), &external, ConstantStore::Kind::kOrdinary,
                                  SessionOptions{});
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  LoadedModel& parts = **loaded;
  parts.plans.reset();  // its kernels hold the sources that go now

  const unsigned slots = pool ? pool->slot_count() : 1;
  std::vector<testing::OnePieceWeightSource*> sources;
  for (const Value& value : parts.graph->values) {
    if (!value.constant) continue;
    for (Constant::Packed& packed : value.constant->packed) {
      if (dynamic_cast<testing::OnePieceWeightSource*>(packed.weight.get())) continue;  // several values share it
      const size_t size_bytes = packed.weight->size_bytes();
      auto source =
          std::make_unique<testing::OnePieceWeightSource>(packed.weight->panel(0, size_bytes, 0), size_bytes, slots);
      sources.push_back(source.get());
      packed.weight = std::move(source);
    }
  }
  ASSERT_FALSE(sources.empty());

  PlanOptions options;
  options.threads = slots;
  PlanCache plans(&parts.derived, options, 1);
  const GraphRunner runner{&plans, {}, {.pool = pool}};
  for (const Json& test_case : meta["cases"].items) {
    std::vector<CaseTensor> inputs;
    std::vector<RunInput> run_inputs;
    for (const Json& input : test_case["inputs"].items) inputs.emplace_back(folder, input);
    for (const CaseTensor& input : inputs) run_inputs.push_back(input.input());
    auto bound = bind_inputs(parts.inputs, run_inputs);
    ASSERT_TRUE(bound.ok()) << bound.error().message;
    const auto results = runner.run(parts.graph, std::move(*bound));
    ASSERT_TRUE(results.ok()) << results.error().message;
    for (const Json& json : test_case["outputs"].items) {
      const CaseTensor expected(folder, json);
      size_t index = 0;
      while (parts.outputs.at(index).name != expected.name) ++index;
      RunOutput output;
      ASSERT_TRUE(deliver_output((*results)[index].fact, (*results)[index].data, &output).ok());
      expect_close(meta["tolerance"], expected, output, test_case["name"].text + " " + expected.name);
    }
  }
  size_t fetched = 0;
  for (const testing::OnePieceWeightSource* source : sources) {
    EXPECT_TRUE(source->all_released());
    fetched += source->fetched();
  }
  std::printf("  %zu weights in %zu pieces\n", sources.size(), fetched);
  EXPECT_GE(fetched, sources.size());
}

TEST_P(ModelsTest, GivesTheReferenceOutputsFromOnePieceOfAWeightAtATime) {
  expect_reference_outputs_one_piece_at_a_time(GetParam(), nullptr);
  auto pool = ThreadPool::create(3);
  ASSERT_TRUE(pool.ok());
  expect_reference_outputs_one_piece_at_a_time(GetParam(), pool->get());
}

INSTANTIATE_TEST_SUITE_P(
    Reference, ModelsTest,
    ::testing::Values(Model{"cct_xs_plate_ocr", "model.onnx"}, Model{"magika_standard_v3_3", "model.onnx"},
                      Model{"mlperf_ad_autoencoder_f32", "model.onnx"}, Model{"mlperf_ic_resnet8_f32", "model.onnx"},
                      Model{"mlperf_kws_dscnn_f32", "model.onnx"}, Model{"mlperf_vww_mobilenet025_f32", "model.onnx"},
                      Model{"mnist_cntk", "model.onnx"}, Model{"ultraface_rfb320", "model.onnx"},
                      Model{"ultraface_rfb320", "model_constant_weights.onnx"}),
    [](const auto& info) {
      return std::string(info.param.folder) + (std::string(info.param.file) == "model.onnx" ? "" : "_constant_weights");
    });

}  // namespace
}  // namespace sealedge
