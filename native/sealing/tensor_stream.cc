#include "sealing/tensor_stream.h"

#include <algorithm>

namespace sealedge {
namespace {

// Contiguous reads stay in the cache; strips of columns are wider, because every row costs a read of its own.
constexpr size_t kChunkBytes = size_t{256} << 10;
constexpr size_t kColumnChunkBytes = size_t{8} << 20;

}  // namespace

Result<TensorStream> TensorStream::create(const TensorRecord& record, const SegmentPlacement& placement) {
  TensorStream stream(record, placement);
  if (placement.layout != WeightLayout::kPlain) {
    SEALEDGE_ASSIGN(stream.geometry_, weight_geometry(placement.layout, placement.order, placement.dims));
  }
  if (placement.order != WeightSourceOrder::kGemmKN) {
    SEALEDGE_ASSIGN(stream.digest_, Digest::create(HashAlg::kSha256));
  }
  return stream;
}

Result<std::span<uint8_t>> TensorStream::next() {
  if (layout_ == WeightLayout::kPlain) return next_plain();
  if (done_ == geometry_.panels) return std::span<uint8_t>();
  return geometry_.order == WeightSourceOrder::kGemmKN ? next_columns() : next_rows();
}

Result<std::span<uint8_t>> TensorStream::next_plain() {
  plain_.resize(static_cast<size_t>(std::min<uint64_t>(kChunkBytes, record_->size_bytes - done_)));
  if (plain_.empty()) return std::span<uint8_t>();
  SEALEDGE_TRY(reader_.read(done_, plain_));
  SEALEDGE_TRY(digest_->update(plain_));
  done_ += plain_.size();
  return std::span<uint8_t>(plain_);
}

// Panels are 16 whole rows each: what is read is in order.
Result<std::span<uint8_t>> TensorStream::next_rows() {
  const size_t row = geometry_.row_stride();
  const size_t first_lane = static_cast<size_t>(done_) * kPanelLanes;
  const size_t panels = std::min(geometry_.panels - static_cast<size_t>(done_),
                                 std::max<size_t>(1, kChunkBytes / geometry_.panel_size_bytes()));
  const size_t lanes = std::min(panels * kPanelLanes, geometry_.lanes - first_lane);
  const size_t element = geometry_.element_bytes();
  rows_.resize(lanes * row * element);
  SEALEDGE_TRY(reader_.read(uint64_t{first_lane} * row * element, rows_));
  SEALEDGE_TRY(digest_->update(rows_));
  return pack(row, kPanelLanes * row, panels);
}

// Panels are 16 columns each: a strip of as many as fit is read row by row.
Result<std::span<uint8_t>> TensorStream::next_columns() {
  const size_t first_lane = static_cast<size_t>(done_) * kPanelLanes;
  const size_t panels = std::min(geometry_.panels - static_cast<size_t>(done_),
                                 std::max<size_t>(1, kColumnChunkBytes / geometry_.panel_size_bytes()));
  const size_t lanes = std::min(panels * kPanelLanes, geometry_.lanes - first_lane);
  const size_t element = geometry_.element_bytes(), strip = lanes * element;
  rows_.resize(strip * geometry_.depth());
  for (size_t k = 0; k < geometry_.depth(); ++k) {
    const uint64_t begin = uint64_t{k} * geometry_.lanes + first_lane;
    SEALEDGE_TRY(reader_.read(begin * element, std::span(rows_).subspan(k * strip, strip)));
  }
  return pack(lanes, kPanelLanes, panels);
}

Result<std::span<uint8_t>> TensorStream::pack(size_t stride, size_t panel_step, size_t panels) {
  const size_t panel_bytes = geometry_.panel_size_bytes(), element = geometry_.element_bytes();
  packed_.resize(panels * panel_bytes);
  for (size_t p = 0; p < panels; ++p) {
    const size_t lanes = std::min(kPanelLanes, geometry_.lanes - (static_cast<size_t>(done_) + p) * kPanelLanes);
    pack_panel(geometry_, rows_.data() + p * panel_step * element, stride, lanes, packed_.data() + p * panel_bytes);
  }
  done_ += panels;
  return std::span<uint8_t>(packed_);
}

Result<Sha256Digest> TensorStream::digest() {
  if (!digest_.has_value()) {
    SEALEDGE_ASSIGN(digest_, Digest::create(HashAlg::kSha256));
    for (uint64_t at = 0; at < record_->size_bytes; at += plain_.size()) {
      plain_.resize(static_cast<size_t>(std::min<uint64_t>(kChunkBytes, record_->size_bytes - at)));
      SEALEDGE_TRY(reader_.read(at, plain_));
      SEALEDGE_TRY(digest_->update(plain_));
    }
  }
  Sha256Digest out;
  SEALEDGE_TRY(digest_->finish(out));
  return out;
}

}  // namespace sealedge
