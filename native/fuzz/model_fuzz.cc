// A hostile ONNX file from bytes to results: load, plan, and two runs on the same inputs, which must give the same
// bytes: the second finds the arena as the first left it, so whatever reads memory before writing it shows.
#include <sys/time.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "engine/session.h"
#include "fuzz/model_limits.h"

namespace {

constexpr size_t kMaxInputBytes = size_t{1} << 16;
constexpr suseconds_t kMaxRunMicroseconds = 300'000;

std::atomic<bool> out_of_time{false};

// A loop may have any number of iterations. CPU time of this process, so that a busy machine changes little.
void start_clock() {
  static const bool installed = [] {
    std::signal(SIGVTALRM, [](int) { out_of_time = true; });
    return true;
  }();
  (void)installed;
  out_of_time = false;
  const itimerval timer{{0, 0}, {0, kMaxRunMicroseconds}};
  ::setitimer(ITIMER_VIRTUAL, &timer, nullptr);
}

struct Input {
  std::vector<int64_t> dims;
  std::vector<uint8_t> bytes;
};

// Small numbers of the type, now and then the extreme ones; any byte for bool, as a caller may hand over.
void fill(sealedge::DataType type, std::minstd_rand* random, std::vector<uint8_t>* bytes) {
  const size_t size = sealedge::data_type_size_bytes(type);
  for (size_t at = 0; at + size <= bytes->size(); at += size) {
    const auto number = static_cast<int64_t>((*random)() % 9) - 2;
    uint64_t value = static_cast<uint64_t>(number);
    if (type == sealedge::DataType::kFloat32) {
      const float real = static_cast<float>(number) / 2;
      value = 0;
      std::memcpy(&value, &real, sizeof real);
    } else if (type == sealedge::DataType::kFloat64) {
      const double real = static_cast<double>(number) / 2;
      std::memcpy(&value, &real, sizeof real);
    } else if (type == sealedge::DataType::kFloat16) {
      value = 0x3800 + 0x100 * static_cast<uint64_t>(number + 2);
    }
    if ((*random)() % 16 == 0) value = (*random)() % 2 == 0 ? UINT64_MAX : 0x7f80000000007c00;
    std::memcpy(bytes->data() + at, &value, size);
  }
}

bool make_inputs(const sealedge::Session& session, unsigned seed, std::vector<Input>* inputs) {
  std::minstd_rand random(seed);
  for (const sealedge::TensorMetadata& metadata : session.inputs()) {
    Input& input = inputs->emplace_back();
    sealedge::TensorFact fact{metadata.type, {}};
    for (const sealedge::DimMetadata& dim : metadata.dims) fact.dims.push_back(dim.value < 0 ? 2 : dim.value);
    const auto size = sealedge::checked_size_bytes(fact, kMaxInputBytes);
    if (!size.ok()) return false;
    input.dims = fact.dims;
    input.bytes.resize(*size);
    fill(metadata.type, &random, &input.bytes);
  }
  return true;
}

}  // namespace

// What does not run is not kept as a seed (-1): else most of the corpus would be models broken in one way or another,
// and nearly everything derived from them would end in the importer, which has a target of its own.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sealedge::SessionOptions options;
  options.limits = sealedge::fuzz::model_limits();
  const auto session = sealedge::Session::create_from_bytes({data, size}, options);
  if (!session.ok()) return -1;
  std::vector<Input> inputs;
  if (!make_inputs(**session, static_cast<unsigned>(size), &inputs)) return -1;
  std::vector<sealedge::RunInput> views;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const sealedge::TensorMetadata& metadata = (*session)->inputs()[i];
    views.push_back({metadata.name, metadata.type, inputs[i].dims, inputs[i].bytes});
  }

  sealedge::RunControl control;
  control.cancelled = &out_of_time;
  std::vector<sealedge::RunOutput> results[2];
  for (auto& outputs : results) {
    outputs.resize((*session)->outputs().size());
    for (size_t i = 0; i < outputs.size(); ++i) outputs[i].index = i;
    start_clock();
    if (!(*session)->run(views, outputs, control).ok()) return -1;
  }
  for (size_t i = 0; i < results[0].size(); ++i) {
    const sealedge::RunOutput& first = results[0][i];
    const sealedge::RunOutput& second = results[1][i];
    if (first.dims != second.dims || first.size_bytes != second.size_bytes ||
        std::memcmp(first.data.get(), second.data.get(), first.size_bytes) != 0) {
      abort();
    }
  }
  return 0;
}
