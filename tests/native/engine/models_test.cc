// Every reference model gives the recorded outputs within the tolerance of its meta.json.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <map>

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

// |got - expected| <= atol + rtol |expected| for floats, equal otherwise. The int8 models are exact (their tolerance in
// meta.json is onnxruntime's).
void expect_close(const Json& meta, const CaseTensor& expected, const RunOutput& got, const std::string& what,
                  double* worst) {
  ASSERT_EQ(got.type, expected.type) << what;
  ASSERT_EQ(got.dims, expected.dims) << what;
  ASSERT_EQ(got.size_bytes, expected.bytes.size()) << what;
  const bool exact = expected.type != DataType::kFloat32 || meta["name"].text.ends_with("_int8");
  if (exact) {
    ASSERT_EQ(std::memcmp(got.data.get(), expected.bytes.data(), got.size_bytes), 0) << what;
    return;
  }
  const Json& tolerance = meta["tolerance"];
  for (size_t i = 0; i < expected.bytes.size() / sizeof(float); ++i) {
    float want;
    float have;
    std::memcpy(&want, expected.bytes.data() + i * sizeof want, sizeof want);
    std::memcpy(&have, got.data.get() + i * sizeof have, sizeof have);
    const double difference = std::fabs(static_cast<double>(want) - static_cast<double>(have));
    *worst = std::fmax(*worst, difference);
    ASSERT_LE(difference, tolerance["atol"].number + tolerance["rtol"].number * std::fabs(static_cast<double>(want)))
        << what << " element " << i << ": expected " << want << ", got " << have;
  }
}

// The tensor at one step of a sequence: a part of the file, or the whole.
CaseTensor at_step(const CaseTensor& whole, const Json& json, size_t step, size_t steps) {
  CaseTensor part = whole;
  if (!json["per_step"].boolean) return part;
  const size_t size = whole.bytes.size() / steps;
  part.bytes.assign(whole.bytes.begin() + static_cast<std::ptrdiff_t>(step * size),
                    whole.bytes.begin() + static_cast<std::ptrdiff_t>((step + 1) * size));
  return part;
}

using Runner = std::function<Result<void>(std::span<const RunInput>, std::span<RunOutput>)>;
using OutputIndex = std::function<std::optional<size_t>(std::string_view)>;

// All steps of a case; one that is no sequence has one step.
void expect_case(const std::filesystem::path& folder, const Json& meta, const Json& test_case, const Runner& run,
                 const OutputIndex& output_index) {
  const Json& sequence = test_case["sequence"];
  const size_t steps = sequence["steps"].number > 0 ? static_cast<size_t>(sequence["steps"].number) : 1;
  std::vector<CaseTensor> inputs;
  std::vector<CaseTensor> expected;
  for (const Json& json : test_case["inputs"].items) inputs.emplace_back(folder, json);
  for (const Json& json : test_case["outputs"].items) expected.emplace_back(folder, json);
  std::map<std::string, CaseTensor> state;
  double worst = 0;
  for (size_t step = 0; step < steps; ++step) {
    std::vector<CaseTensor> fed;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const auto carried = state.find(inputs[i].name);
      fed.push_back(carried != state.end() ? carried->second
                                           : at_step(inputs[i], test_case["inputs"].items[i], step, steps));
    }
    std::vector<RunInput> run_inputs;
    for (const CaseTensor& input : fed) run_inputs.push_back(input.input());
    std::vector<RunOutput> outputs;
    for (const CaseTensor& output : expected) {
      const auto index = output_index(output.name);
      ASSERT_TRUE(index.has_value()) << output.name;
      outputs.emplace_back().index = *index;
    }
    const auto result = run(run_inputs, outputs);
    ASSERT_TRUE(result.ok()) << result.error().message;
    for (size_t i = 0; i < outputs.size(); ++i) {
      const Json& json = test_case["outputs"].items[i];
      if (!json["final_state"].boolean || step + 1 == steps) {
        ASSERT_NO_FATAL_FAILURE(expect_close(meta, at_step(expected[i], json, step, steps), outputs[i],
                                             test_case["name"].text + " " + expected[i].name, &worst));
      }
      for (const auto& [from, to] : sequence["feed_back"].members) {
        if (from != expected[i].name) continue;
        CaseTensor next = expected[i];
        next.name = to.text;
        next.bytes.assign(outputs[i].data.get(), outputs[i].data.get() + outputs[i].size_bytes);
        state.insert_or_assign(to.text, std::move(next));
      }
    }
  }
  std::printf("  %-32s %3zu steps, largest difference %.3g\n", test_case["name"].text.c_str(), steps, worst);
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
    expect_case(
        folder, meta, test_case,
        [&](std::span<const RunInput> inputs, std::span<RunOutput> outputs) {
          return (*session)->run(inputs, outputs);
        },
        [&](std::string_view name) { return (*session)->output_index(name); });
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
  for_each_graph(*parts.graph, [&](const Graph& graph) {
    for (const Value& value : graph.values) {
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
  });
  if (sources.empty()) GTEST_SKIP() << model.folder << " has no packed weights";

  PlanOptions options;
  options.threads = slots;
  PlanCache plans(&parts.derived, options, 1);
  const GraphRunner runner{&plans, {}, {.pool = pool}};
  for (const Json& test_case : meta["cases"].items) {
    const auto run = [&](std::span<const RunInput> inputs, std::span<RunOutput> outputs) -> Result<void> {
      SEALEDGE_ASSIGN(BoundInputs bound, bind_inputs(parts.inputs, {}, inputs));
      SEALEDGE_ASSIGN(const std::vector<RunValue> results, runner.run(parts.graph, std::move(bound.values)));
      for (RunOutput& output : outputs) {
        SEALEDGE_TRY(deliver_output(results[output.index].fact, results[output.index].data, &output));
      }
      return {};
    };
    const auto output_index = [&](std::string_view name) {
      std::optional<size_t> index;
      for (size_t i = 0; i < parts.outputs.size(); ++i) {
        if (parts.outputs[i].name == name) index = i;
      }
      return index;
    };
    expect_case(folder, meta, test_case, run, output_index);
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
    ::testing::Values(Model{"cct_xs_plate_ocr", "model.onnx"}, Model{"dtln_stage1", "model.onnx"},
                      Model{"magika_standard_v3_3", "model.onnx"}, Model{"mlperf_ad_autoencoder_f32", "model.onnx"},
                      Model{"mlperf_ad_autoencoder_int8", "model.onnx"}, Model{"mlperf_ic_resnet8_f32", "model.onnx"},
                      Model{"mlperf_ic_resnet8_int8", "model.onnx"}, Model{"mlperf_kws_dscnn_f32", "model.onnx"},
                      Model{"mlperf_kws_dscnn_int8", "model.onnx"}, Model{"mlperf_sww_int8", "model.onnx"},
                      Model{"mlperf_vww_mobilenet025_f32", "model.onnx"},
                      Model{"mlperf_vww_mobilenet025_int8", "model.onnx"}, Model{"mnist_cntk", "model.onnx"},
                      Model{"ppocrv3_det", "model.onnx"}, Model{"silero_vad_16k", "model.onnx"},
                      Model{"ultraface_rfb320", "model.onnx"}, Model{"ultraface_rfb320", "model_constant_weights.onnx"},
                      Model{"yolox_nano", "model.onnx"}),
    [](const auto& info) {
      return std::string(info.param.folder) + (std::string(info.param.file) == "model.onnx" ? "" : "_constant_weights");
    });

}  // namespace
}  // namespace sealedge
