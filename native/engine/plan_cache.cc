#include "engine/plan_cache.h"

#include <algorithm>

namespace sealedge {

std::shared_ptr<FramePool> PlanCache::find(const std::vector<TensorFact>& inputs) {
  for (auto at = plans_.begin(); at != plans_.end(); ++at) {
    const std::vector<Dims>& dims = (*at)->plan().input_dims;
    if (!std::equal(dims.begin(), dims.end(), inputs.begin(), inputs.end(),
                    [](const Dims& a, const TensorFact& b) { return a == b.dims; })) {
      continue;
    }
    plans_.splice(plans_.begin(), plans_, at);
    return plans_.front();
  }
  return nullptr;
}

Result<std::shared_ptr<FramePool>> PlanCache::get(const std::vector<TensorFact>& inputs) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (auto found = find(inputs)) return found;
  }
  SEALEDGE_ASSIGN(std::shared_ptr<const Plan> plan, make_plan(*model_, inputs, derived_, options_));
  auto frames = std::make_shared<FramePool>(std::move(plan), options_.constants == ConstantStore::Kind::kSecret);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (auto found = find(inputs)) return found;
  plans_.push_front(frames);
  if (plans_.size() > max_plans_) plans_.pop_back();
  return frames;
}

void PlanCache::for_each(FunctionRef<void(const Plan&)> visit) {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const std::shared_ptr<FramePool>& frames : plans_) visit(frames->plan());
}

void PlanCache::clear() {
  const std::lock_guard<std::mutex> lock(mutex_);
  plans_.clear();
}

}  // namespace sealedge
