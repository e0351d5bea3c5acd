// Constants computed from constants when a plan is made: the scale and shift that a BatchNormalization becomes. Kept
// with the model, so that plans for several shapes share them and a sealed model's stay in secret memory.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "core/function_ref.h"
#include "core/result.h"
#include "graph/constant_store.h"
#include "graph/graph.h"

namespace sealedge {

// A float16 constant as float32, row-major, in `store`. Precondition: it has data.
Result<std::shared_ptr<Constant>> widen_constant(const Constant& half, ConstantStore* store);

class DerivedConstants {
 public:
  explicit DerivedConstants(ConstantStore* store) : store_(store) {}

  // Per-channel float32 arithmetic, in double and rounded once: result[c] = combine(arguments at c), where an argument
  // of one element stands for all channels. The same kind, arguments, channels and parameter give the same constant.
  // Thread-safe. Kept until the model goes, intermediate ones too; so a chain of n such nodes on c channels would take
  // n * c of memory. Once has_room() is false, passes leave nodes as they are.
  bool has_room() const;
  enum class Kind : uint8_t {
    kBatchNormScale,
    kBatchNormShift,
    kCopy,
    kNegate,
    kAdd,
    kSubtract,
    kMultiply,
    kMultiplyAdd,
    kProductMultiplier,
    kProductBias,
    kWidened,
  };
  using Argument = std::shared_ptr<const Constant>;
  // Precondition: every argument is float32 with data, of 1 or `channels` elements.
  Result<std::shared_ptr<Constant>> get(Kind kind, const std::vector<Argument>& arguments, int64_t channels,
                                        float parameter = 0);
  // Anything else that follows from constants alone: `fill` writes it. An argument may be null.
  Result<std::shared_ptr<Constant>> get(Kind kind, const std::vector<Argument>& arguments, const TensorFact& fact,
                                        FunctionRef<void(uint8_t*)> fill);
  // A float16 constant as float32, row-major or packed, but not both. Does not count for has_room(): it is as often as
  // there are weights in the model. Precondition: `half` has data; the layout fits its dims.
  Result<std::shared_ptr<Constant>> widened(const Argument& half, const WeightPlacement& placement);

 private:
  struct Key {
    Kind kind;
    std::vector<const Constant*> arguments;
    int64_t channels;
    uint32_t parameter_bits = 0;
    auto operator<=>(const Key&) const = default;
  };
  struct Entry {
    std::shared_ptr<Constant> constant;
    std::vector<Argument> arguments;  // kept, so that a key's addresses stay taken
  };

  Result<std::shared_ptr<Constant>> get(Key key, const std::vector<Argument>& arguments, const TensorFact& fact,
                                        FunctionRef<void(uint8_t*)> fill);
  Result<std::shared_ptr<Constant>> make_wide(const Constant& half, const WeightPlacement& placement) const;

  ConstantStore* store_;
  mutable std::mutex mutex_;
  std::map<Key, Entry> entries_;
  size_t size_bytes_ = 0;
};

}  // namespace sealedge
