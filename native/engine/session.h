// A loaded model: what the bindings hold. Immutable after creation, so any number of runs may be under way at once.
//
//   plain    ModelProto bytes or file; weights are packed into ordinary memory
//   sealed   container/open.h; graph, weights, constants and values derived from them stay in secret memory
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "engine/residency.h"
#include "graph/limits.h"
#include "graph/tensor.h"

namespace sealedge {

class ExternalData;
class SealedModel;
class ThreadPool;

struct SessionOptions {
  // For parallelism inside operators; not owned, must outlive the session. Null: every run stays on its calling thread.
  ThreadPool* pool = nullptr;
  // Threads of the pool that one operator may use, the caller included. 0: all of them.
  unsigned max_threads = 0;
  // Beyond which a model, or a run of it, is refused with ERR_LIMIT_EXCEEDED.
  ModelLimits limits;
  // Plans kept for different input shapes; the least recently used goes first.
  size_t max_cached_plans = 8;
};

struct DimMetadata {
  int64_t value = -1;  // -1: not fixed by the model
  std::string symbol;  // "batch", when the model names it
};

struct TensorMetadata {
  std::string name;
  DataType type = DataType::kUndefined;
  bool has_shape = false;  // outputs of some models declare none
  std::vector<DimMetadata> dims;
};

// An input of one run: row-major bytes, any alignment, read only during run().
struct RunInput {
  std::string_view name;
  DataType type;
  std::span<const int64_t> dims;
  std::span<const uint8_t> bytes;
};

// What the caller may do to a run under way.
struct RunControl {
  // Looked at before every operator and every iteration of a loop; true: the run ends with kAborted. Not owned.
  const std::atomic<bool>* cancelled = nullptr;
};

// An output of one run. Either `preallocated` is set, and the result is written there if its size is exact (otherwise
// kShapeMismatch); or run() fills `data`, 64-byte aligned, freed with std::free.
struct RunOutput {
  size_t index = 0;  // into Session::outputs()
  std::span<uint8_t> preallocated;

  DataType type = DataType::kUndefined;
  std::vector<int64_t> dims;
  struct Free {
    void operator()(uint8_t* bytes) const;
  };
  std::unique_ptr<uint8_t[], Free> data;
  size_t size_bytes = 0;
};

struct SessionReport {
  bool sealed = false;
  const char* isa = "";       // kernels/dispatch.h
  size_t constant_bytes = 0;  // weights and constants, in the store
  size_t secret_bytes = 0;    // of these in secret memory: all of them when sealed, 0 otherwise
  size_t repacked_weights =
      0;  // sealed models: weights that had to be laid out anew at load; 0 unless sealed by another version
  size_t arena_bytes = 0;       // activations of one run, for the plan used last
  size_t peak_arena_bytes = 0;  // most that the activations of this session took at once (engine/activation_meter.h)
  size_t node_count = 0;        // in the model
  size_t step_count = 0;        // operators that remain in the plan used last
};

class Session {
 public:
  // A sealed file is refused with kNoMatchingKey here and below. The bytes are not kept. Tensors with external data are
  // refused: there is no folder to find them in.
  static Result<std::shared_ptr<Session>> create_from_bytes(std::span<const uint8_t> model,
                                                            const SessionOptions& options);
  // External data is read from the model's own folder only.
  static Result<std::shared_ptr<Session>> create_from_file(const std::string& path, const SessionOptions& options);
  // Loads everything needed and leaves closing `model` to the caller. Call on a secret stack, as for run().
  static Result<std::shared_ptr<Session>> create_from_sealed(const SealedModel& model, const SessionOptions& options);

  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const std::vector<TensorMetadata>& inputs() const;
  const std::vector<TensorMetadata>& outputs() const;
  std::optional<size_t> output_index(std::string_view name) const;

  // Computes the outputs asked for. Thread-safe. For a sealed session the caller must be on a secret stack
  // (design decision 3), the pool's threads are anyway.
  // Fails with kInputInvalid (missing, unknown, wrong type or byte count), kShapeMismatch, kLimitExceeded,
  // kModelClosed, kAborted.
  Result<void> run(std::span<const RunInput> inputs, std::span<RunOutput> outputs,
                   const RunControl& control = {}) const;

  // A run with inputs of these dims will end sooner than another thread could be woken for it (engine/brief_runs.h).
  bool expects_brief_run(std::span<const RunInput> inputs) const;

  // Wipes and frees weights and arenas, after the runs under way have ended; later runs fail with kModelClosed.
  // Repeatable.
  void release();

  // engine/residency.h. For a sealed session the caller must be on a secret stack.
  Result<ResidencyReport> residency(const ResidencyRequest& request) const;

  bool sealed() const;
  SessionReport report() const;

 private:
  struct Impl;
  static Result<std::shared_ptr<Session>> create(std::span<const uint8_t> model_proto, ExternalData* external,
                                                 bool sealed, const SessionOptions& options);
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sealedge
