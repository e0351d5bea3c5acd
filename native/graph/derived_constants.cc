#include "graph/derived_constants.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "core/float16.h"
#include "core/weight_packing.h"

namespace sealedge {

namespace {

// A thousand times what the widest of known models needs.
constexpr size_t kMaxBytes = size_t{64} << 20;

double combine(DerivedConstants::Kind kind, const double* x, float parameter) {
  switch (kind) {
    case DerivedConstants::Kind::kBatchNormScale:  // gamma, var; parameter: epsilon
      return x[0] / std::sqrt(x[1] + static_cast<double>(parameter));
    case DerivedConstants::Kind::kBatchNormShift:  // beta, mean, scale
      return x[0] - x[1] * x[2];
    case DerivedConstants::Kind::kCopy:
      return x[0];
    case DerivedConstants::Kind::kNegate:
      return -x[0];
    case DerivedConstants::Kind::kAdd:
      return x[0] + x[1];
    case DerivedConstants::Kind::kSubtract:
      return x[0] - x[1];
    case DerivedConstants::Kind::kMultiply:
      return x[0] * x[1];
    case DerivedConstants::Kind::kMultiplyAdd:
      return x[0] * x[1] + x[2];
    case DerivedConstants::Kind::kProductMultiplier:
    case DerivedConstants::Kind::kProductBias:
    case DerivedConstants::Kind::kWidened:
      break;  // filled in by the caller
  }
  return 0;
}

}  // namespace

bool DerivedConstants::has_room() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return size_bytes_ < kMaxBytes;
}

Result<std::shared_ptr<Constant>> DerivedConstants::get(Kind kind, const std::vector<Argument>& arguments,
                                                        int64_t channels, float parameter) {
  Key key{kind, {}, channels, std::bit_cast<uint32_t>(parameter)};
  return get(std::move(key), arguments, {DataType::kFloat32, {channels}}, [&](uint8_t* data) {
    for (int64_t c = 0; c < channels; ++c) {
      double values[3] = {};
      for (size_t i = 0; i < arguments.size(); ++i) {
        const int64_t at = element_count(arguments[i]->fact.dims) == 1 ? 0 : c;
        float value;
        std::memcpy(&value, arguments[i]->data + at * static_cast<int64_t>(sizeof value), sizeof value);
        values[i] = value;
      }
      const auto result = static_cast<float>(combine(kind, values, parameter));
      std::memcpy(data + c * static_cast<int64_t>(sizeof result), &result, sizeof result);
    }
  });
}

Result<std::shared_ptr<Constant>> DerivedConstants::get(Kind kind, const std::vector<Argument>& arguments,
                                                        const TensorFact& fact, FunctionRef<void(uint8_t*)> fill) {
  return get(Key{kind, {}, element_count(fact.dims)}, arguments, fact, fill);
}

Result<std::shared_ptr<Constant>> DerivedConstants::get(Key key, const std::vector<Argument>& arguments,
                                                        const TensorFact& fact, FunctionRef<void(uint8_t*)> fill) {
  for (const Argument& argument : arguments) key.arguments.push_back(argument.get());
  const std::lock_guard<std::mutex> lock(mutex_);
  if (const auto found = entries_.find(key); found != entries_.end()) return found->second.constant;

  SEALEDGE_ASSIGN(const size_t size_bytes, checked_size_bytes(fact));
  SEALEDGE_ASSIGN(uint8_t* data, store_->allocate(size_bytes));
  fill(data);
  auto constant = std::make_shared<Constant>();
  constant->fact = fact;
  constant->data = data;
  size_bytes_ += size_bytes;
  entries_.emplace(std::move(key), Entry{constant, arguments});
  return constant;
}

Result<std::shared_ptr<Constant>> DerivedConstants::widened(const Argument& half, const WeightPlacement& placement) {
  const int64_t form = static_cast<int64_t>(placement.layout) << 8 | static_cast<int64_t>(placement.order);
  Key key{Kind::kWidened, {half.get()}, form};
  const std::lock_guard<std::mutex> lock(mutex_);
  if (const auto found = entries_.find(key); found != entries_.end()) return found->second.constant;
  SEALEDGE_ASSIGN(std::shared_ptr<Constant> constant, make_wide(*half, placement));
  entries_.emplace(std::move(key), Entry{constant, {half}});
  return constant;
}

Result<std::shared_ptr<Constant>> DerivedConstants::make_wide(const Constant& half,
                                                              const WeightPlacement& placement) const {
  if (placement.layout == WeightLayout::kPlain) return widen_constant(half, store_);
  ConstantStore temporary(store_->kind());
  SEALEDGE_ASSIGN(const std::shared_ptr<Constant> row_major, widen_constant(half, &temporary));
  SEALEDGE_ASSIGN(const WeightGeometry geometry, weight_geometry(placement.layout, placement.order, placement.dims));
  SEALEDGE_ASSIGN(uint8_t* packed, store_->allocate(geometry.size_bytes));
  pack_weight(geometry, row_major->data, packed);
  auto constant = std::make_shared<Constant>();
  constant->fact = row_major->fact;
  constant->packed.push_back({placement, std::make_unique<ResidentWeightSource>(packed, geometry.size_bytes)});
  return constant;
}

Result<std::shared_ptr<Constant>> widen_constant(const Constant& half, ConstantStore* store) {
  auto constant = std::make_shared<Constant>();
  constant->fact = {DataType::kFloat32, half.fact.dims};
  SEALEDGE_ASSIGN(const size_t size_bytes, checked_size_bytes(constant->fact));
  SEALEDGE_ASSIGN(uint8_t* data, store->allocate(size_bytes));
  constant->store = store->shared();
  const size_t count = size_bytes / sizeof(float);
  for (size_t i = 0; i < count; ++i) {
    Float16 value;
    std::memcpy(&value, half.data + i * sizeof value, sizeof value);
    const float wide = value;
    std::memcpy(data + i * sizeof wide, &wide, sizeof wide);
  }
  constant->data = data;
  return constant;
}

}  // namespace sealedge
