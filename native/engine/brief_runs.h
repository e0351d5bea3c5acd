// Which runs end sooner than another thread could be woken for them: an event loop that computes those itself stands
// still for less time than handing them over takes.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <span>
#include <vector>

#include "engine/session.h"

namespace sealedge {

// Waking a pool thread and the event loop again takes about as long.
inline constexpr std::chrono::microseconds kBriefRun{150};

class BriefRuns {
 public:
  // static_work: the run's work follows from its input dims alone, so that the next run with these dims has the same.
  void record(std::span<const RunInput> inputs, bool static_work, std::chrono::nanoseconds duration) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!static_work || duration > kBriefRun || !same_dims(inputs)) {
      streak_ = 0;
      dims_.clear();
      for (const RunInput& input : inputs) dims_.emplace_back(input.dims.begin(), input.dims.end());
    }
    if (static_work && duration <= kBriefRun && streak_ < kStreak) ++streak_;
  }

  // The last runs had these dims, and every one was brief.
  bool expect(std::span<const RunInput> inputs) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return streak_ == kStreak && same_dims(inputs);
  }

 private:
  static constexpr unsigned kStreak = 3;

  bool same_dims(std::span<const RunInput> inputs) const {
    return std::equal(dims_.begin(), dims_.end(), inputs.begin(), inputs.end(),
                      [](const Dims& known, const RunInput& input) {
                        return std::equal(known.begin(), known.end(), input.dims.begin(), input.dims.end());
                      });
  }

  mutable std::mutex mutex_;
  std::vector<Dims> dims_;
  unsigned streak_ = 0;
};

}  // namespace sealedge
