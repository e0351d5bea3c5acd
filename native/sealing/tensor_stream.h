// Yields one tensor in its segment layout, front to back, through a bounded buffer: 16 output channels of a blocked
// weight at a time, or as many as fit.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/result.h"
#include "core/weight_packing.h"
#include "crypto/digest.h"
#include "sealing/sealed_tensor.h"
#include "sealing/tensor_record.h"

namespace sealedge {

class TensorStream {
 public:
  static Result<TensorStream> create(const TensorRecord& record, const SegmentPlacement& placement);
  // The next bytes, empty at the end; the caller may encrypt them in place. Valid until the next call.
  Result<std::span<uint8_t>> next();
  // SHA-256 of the elements, row-major. After the last next(); reads the tensor again when its layout was not read in
  // that order.
  Result<Sha256Digest> digest();

 private:
  TensorStream(const TensorRecord& record, const SegmentPlacement& placement) : reader_(record), record_(&record) {
    layout_ = placement.layout;
  }
  Result<std::span<uint8_t>> next_plain();
  Result<std::span<uint8_t>> next_rows();
  Result<std::span<uint8_t>> next_columns();
  Result<std::span<uint8_t>> pack(size_t stride, size_t panel_step, size_t panels);

  TensorReader reader_;
  const TensorRecord* record_;
  WeightLayout layout_;
  WeightGeometry geometry_;
  std::optional<Digest> digest_;
  uint64_t done_ = 0;          // kPlain: bytes; otherwise panels
  std::vector<uint8_t> rows_;  // operator new aligns what holds floats
  std::vector<uint8_t> packed_;
  std::vector<uint8_t> plain_;
};

}  // namespace sealedge
