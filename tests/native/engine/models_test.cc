// Every reference model gives the recorded outputs within the tolerance of its meta.json.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "core/thread_pool.h"
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
