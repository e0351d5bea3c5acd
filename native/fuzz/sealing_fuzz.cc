// A hostile ONNX file under the sealer: the walk that copies it, the reader of tensor data in all its codings, and the
// importer's word on layouts. What the walk wrote must be well-formed, and walking that again must change nothing.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "engine/sealed_data.h"
#include "onnx/weight_layouts.h"
#include "sealing/model_walk.h"
#include "sealing/sealed_tensor.h"

namespace {

using sealedge::Result;
using sealedge::Rope;
using sealedge::TensorRecord;
using sealedge::TensorSite;

// From front to back in pieces of an odd size, as the sealer's chunks never are; and then at once.
void read_both_ways(const TensorRecord& record) {
  constexpr uint64_t kMaxBytes = uint64_t{1} << 20;
  if (record.size_bytes > kMaxBytes) return;
  std::vector<uint8_t> whole(static_cast<size_t>(record.size_bytes));
  const bool readable = sealedge::TensorReader(record).read(0, whole).ok();
  std::vector<uint8_t> pieces(whole.size());
  sealedge::TensorReader reader(record);
  bool same = true;
  constexpr size_t kPiece = 7;
  for (size_t at = 0; at < pieces.size() && same; at += kPiece) {
    same = reader.read(at, std::span(pieces).subspan(at, std::min(kPiece, pieces.size() - at))).ok();
  }
  if (readable && (!same || whole != pieces)) abort();
}

// The sealer's parser and the device's must agree on what the sealer writes.
void compare_placements(const TensorRecord& record) {
  for (const auto& [key, value] : record.external_data) {
    const auto written = sealedge::parse_placement(value);
    const auto loaded = sealedge::parse_sealed_placement(value);
    if (loaded.ok() && !written.ok()) abort();
    if (!loaded.ok() || !written.ok()) continue;
    if (loaded->segment != written->segment || loaded->offset_bytes != written->offset_bytes ||
        loaded->length_bytes != written->length_bytes || loaded->placement.layout != written->layout ||
        loaded->placement.order != written->order || loaded->placement.dims != written->dims ||
        sealedge::format_placement(*written) != value) {
      abort();
    }
  }
}

Result<Rope> walk(std::span<const uint8_t> model) {
  const auto visit = [](const TensorRecord& record, size_t, TensorSite, Rope* message) -> Result<void> {
    if (!record.external_data.empty()) {
      compare_placements(record);
      (void)sealedge::parse_sealed_tensor(record.external_data).ok();
      sealedge::append_external_data(record.external_data, message);
      return {};
    }
    read_both_ways(record);
    return sealedge::append_inline_data(record, message);
  };
  return sealedge::walk_model({std::make_shared<sealedge::MemorySource>(model), std::nullopt}, visit);
}

std::span<const uint8_t> bytes_of(const Rope& rope) {
  return {reinterpret_cast<const uint8_t*>(rope.bytes.data()), rope.bytes.size()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto first = walk({data, size});
  if (!first.ok()) return 0;
  const auto second = walk(bytes_of(*first));
  if (!second.ok() || second->bytes != first->bytes) abort();
  (void)sealedge::decide_weight_layouts(bytes_of(*first)).ok();
  return 0;
}
