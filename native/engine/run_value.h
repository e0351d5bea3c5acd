// A tensor while a run is under way, and memory for those that no plan has a place for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/result.h"
#include "engine/activation_meter.h"
#include "graph/tensor.h"
#include "memory/secure_buffer.h"

namespace sealedge {

struct RunValue {
  TensorFact fact;
  const uint8_t* data = nullptr;                // row-major, aligned for its element type
  std::shared_ptr<const void> owner = nullptr;  // what data lies in; null: the caller's, for the whole run
  bool secret = false;                          // may hold elements of a sealed model's weights
  bool computed = false;                        // by this run: its elements are no part of any plan
};

// Memory of one run outside the arenas: what loops stack up. Of a sealed model it is kept out of core dumps and wiped,
// and where weights may be copied into it, it is secret memory.
class RunBuffer {
 public:
  enum class Kind : uint8_t { kOrdinary, kSealed, kSecret };
  // 64-byte aligned, contents undefined.
  static Result<std::shared_ptr<RunBuffer>> allocate(size_t size_bytes, Kind kind,
                                                     const std::shared_ptr<ActivationMeter>& meter);
  ~RunBuffer();
  RunBuffer(const RunBuffer&) = delete;
  RunBuffer& operator=(const RunBuffer&) = delete;

  uint8_t* data() { return data_; }
  size_t size_bytes() const { return size_bytes_; }

 private:
  RunBuffer(size_t size_bytes, Kind kind) : size_bytes_(size_bytes), kind_(kind) {}

  size_t size_bytes_;
  Kind kind_;
  MeteredBytes metered_;
  SecureBuffer secret_;
  uint8_t* data_ = nullptr;
};

}  // namespace sealedge
