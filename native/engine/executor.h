// Runs a plan: memory for the activations of one run, and the loop over the steps.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/result.h"
#include "core/thread_pool.h"
#include "engine/activation_meter.h"
#include "graph/plan.h"
#include "memory/secure_buffer.h"

namespace sealedge {

// How a run is carried out: threads, as in SessionOptions, and the flag that ends it.
struct RunSettings {
  ThreadPool* pool = nullptr;
  unsigned max_threads = 0;
  const std::atomic<bool>* cancelled = nullptr;

  // kAborted once the flag is set.
  Result<void> check() const;
};

// The activations of one run under way, with all pointers of the plan resolved once.
class RunFrame {
 public:
  // `sealed`: pages are kept out of core dumps and wiped when the frame goes.
  static Result<std::unique_ptr<RunFrame>> create(std::shared_ptr<const Plan> plan, bool sealed,
                                                  const std::shared_ptr<ActivationMeter>& meter);
  ~RunFrame();
  RunFrame(const RunFrame&) = delete;
  RunFrame& operator=(const RunFrame&) = delete;

  const Plan& plan() const { return *plan_; }
  // inputs: one pointer per graph input, aligned for its element type. Afterwards outputs are where output() says.
  Result<void> run(std::span<const uint8_t* const> inputs, const RunSettings& settings);
  const uint8_t* output(size_t index) const { return resolve(plan_->outputs[index].location); }

 private:
  RunFrame(std::shared_ptr<const Plan> plan, bool sealed) : plan_(std::move(plan)), sealed_(sealed) {}
  void resolve_steps();
  uint8_t* resolve(const Location& location) const;

  struct BoundStep {
    const Kernel* kernel;
    RunArgs args;
  };
  struct InputUse {
    const uint8_t** pointer;
    size_t input;
  };

  std::shared_ptr<const Plan> plan_;
  bool sealed_;
  MeteredBytes metered_;
  SecureBuffer secret_arena_;  // the arena, when the plan wants it there
  // Where tensors without elements lie when there is no arena or the caller has no address: a kernel may do arithmetic
  // on any pointer that is not that of something absent.
  alignas(64) uint8_t nothing_[64] = {};
  uint8_t* arena_ = nothing_;
  size_t arena_bytes_ = 0;                      // 0: not mapped here
  std::vector<const uint8_t*> input_pointers_;  // of all steps, one after another
  std::vector<uint8_t*> output_pointers_;
  std::vector<BoundStep> steps_;
  std::vector<InputUse> input_uses_;  // pointers that change with every run
  std::vector<const uint8_t*> current_inputs_;
};

// Frames of one plan that wait for their next run.
class FramePool {
 public:
  FramePool(std::shared_ptr<const Plan> plan, bool sealed, std::shared_ptr<ActivationMeter> meter)
      : plan_(std::move(plan)), sealed_(sealed), meter_(std::move(meter)) {}
  const Plan& plan() const { return *plan_; }
  Result<std::unique_ptr<RunFrame>> take();
  void give_back(std::unique_ptr<RunFrame> frame);

 private:
  static constexpr size_t kMaxIdleFrames = 4;
  std::shared_ptr<const Plan> plan_;
  bool sealed_;
  std::shared_ptr<ActivationMeter> meter_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<RunFrame>> idle_;
};

}  // namespace sealedge
