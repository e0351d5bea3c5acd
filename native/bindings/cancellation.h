// A flag that JavaScript sets and a run under way looks at (RunControl::cancelled).
#pragma once

#include <napi.h>

#include <atomic>
#include <memory>
#include <optional>

namespace sealedge {

using Cancellation = std::shared_ptr<std::atomic<bool>>;

// The flag in an object of createCancellation(), or an empty one for undefined. nullopt: an exception is pending.
std::optional<Cancellation> cancellation_argument(const Napi::Value& value);

// createCancellation(): object; cancel(object)
void init_cancellation(Napi::Env env, Napi::Object exports);

}  // namespace sealedge
