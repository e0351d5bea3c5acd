#include "engine/sealed_data.h"

#include <charconv>
#include <optional>
#include <vector>

#include "core/weight_packing.h"

namespace sealedge {

namespace {

Error malformed(const std::string& why) { return Error{ErrorCode::kModelInvalid, "sealed weight: " + why}; }

bool parse_decimal(std::string_view text, uint64_t* value) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return false;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return status == std::errc() && end == text.data() + text.size();
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos || parts.size() > kMaxRank) return parts;
    text.remove_prefix(at + 1);
  }
}

std::optional<WeightLayout> parse_layout(std::string_view text) {
  for (size_t i = 0; i < std::size(kWeightLayoutNames); ++i) {
    if (text == kWeightLayoutNames[i]) return static_cast<WeightLayout>(i);
  }
  return std::nullopt;
}

std::optional<WeightSourceOrder> parse_order(std::string_view text) {
  if (text == "none") return WeightSourceOrder::kNone;
  if (text == "conv_oihw") return WeightSourceOrder::kConvOIHW;
  if (text == "gemm_kn") return WeightSourceOrder::kGemmKN;
  if (text == "gemm_nk") return WeightSourceOrder::kGemmNK;
  return std::nullopt;
}

// The tensor's placement in a layout, under an order and dims if it is packed; nothing when it has none such.
Result<std::optional<SealedPlacement>> find_placement(const TensorProto& tensor, const WeightPlacement& wanted) {
  std::optional<SealedPlacement> found;
  std::string_view location;
  for (const auto& [key, value] : tensor.external_data) {
    if (key == "location") location = value;
    if (key != "sealedge.placement") continue;
    SEALEDGE_ASSIGN(SealedPlacement sealed, parse_sealed_placement(value));
    if (sealed.placement == wanted) found = std::move(sealed);
  }
  if (location != "sealed") return malformed("'" + printable(tensor.name) + "' is not in this file");
  return found;
}

}  // namespace

Result<SealedPlacement> parse_sealed_placement(std::string_view text) {
  const std::vector<std::string_view> fields = split(text, ' ');
  if (fields.size() != 6) return malformed("expected six fields in its placement");
  SealedPlacement sealed;
  uint64_t segment;
  const auto layout = parse_layout(fields[3]);
  const auto order = parse_order(fields[4]);
  if (!parse_decimal(fields[0], &segment) || segment == 0 || !parse_decimal(fields[1], &sealed.offset_bytes) ||
      sealed.offset_bytes % 64 != 0 || !parse_decimal(fields[2], &sealed.length_bytes) || !layout || !order ||
      (*layout == WeightLayout::kPlain) != (*order == WeightSourceOrder::kNone)) {
    return malformed("malformed placement");
  }
  sealed.segment = static_cast<size_t>(segment);
  sealed.placement.layout = *layout;
  sealed.placement.order = *order;
  for (std::string_view dim : split(fields[5], 'x')) {
    uint64_t value;
    if (!parse_decimal(dim, &value) || value > static_cast<uint64_t>(kMaxElements)) return malformed("malformed dims");
    sealed.placement.dims.push_back(static_cast<int64_t>(value));
  }
  SEALEDGE_TRY(checked_element_count(sealed.placement.dims));
  return sealed;
}

Result<const uint8_t*> SealedData::bytes_of(const SealedPlacement& sealed, size_t size_bytes, ConstantStore* store) {
  if (sealed.length_bytes != size_bytes) return malformed("a placement's length does not fit its dims");
  if (sealed.segment >= model_.segment_count()) return malformed("a placement names a segment that is not there");
  const std::pair key(sealed.segment, sealed.placement.layout);
  auto found = segments_.find(key);
  if (found == segments_.end()) {
    const uint64_t length = model_.manifest().segments[sealed.segment].length_bytes;
    SEALEDGE_ASSIGN(uint8_t* data, store->allocate(static_cast<size_t>(length)));
    SEALEDGE_TRY(
        model_.load_segment_into(sealed.segment, sealed.placement.layout, {data, static_cast<size_t>(length)}));
    found = segments_.emplace(key, Segment{data, length}).first;
  }
  const Segment& segment = found->second;
  if (sealed.offset_bytes > segment.length_bytes || size_bytes > segment.length_bytes - sealed.offset_bytes) {
    return malformed("a placement reaches past its segment");
  }
  return segment.data + sealed.offset_bytes;
}

Result<const uint8_t*> SealedData::row_major(const TensorProto& tensor, size_t size_bytes, ConstantStore* store) {
  const WeightPlacement wanted{WeightLayout::kPlain, WeightSourceOrder::kNone, tensor.dims};
  SEALEDGE_ASSIGN(const auto sealed, find_placement(tensor, wanted));
  if (sealed) return bytes_of(*sealed, size_bytes, store);
  return unpack(tensor, size_bytes, store);
}

Result<const uint8_t*> SealedData::packed(const TensorProto& tensor, const WeightPlacement& placement,
                                          size_t size_bytes, ConstantStore* store) {
  SEALEDGE_ASSIGN(const auto sealed, find_placement(tensor, placement));
  if (!sealed) return static_cast<const uint8_t*>(nullptr);
  return bytes_of(*sealed, size_bytes, store);
}

// Sealed for other consumers than this version has: laid out anew, in secret memory.
Result<const uint8_t*> SealedData::unpack(const TensorProto& tensor, size_t size_bytes, ConstantStore* store) {
  for (const auto& [key, value] : tensor.external_data) {
    if (key != "sealedge.placement") continue;
    SEALEDGE_ASSIGN(const SealedPlacement sealed, parse_sealed_placement(value));
    if (sealed.placement.layout == WeightLayout::kPlain) continue;  // other dims than the tensor's: not by our sealer
    SEALEDGE_ASSIGN(const WeightGeometry geometry,
                    weight_geometry(sealed.placement.layout, sealed.placement.order, sealed.placement.dims));
    if (geometry.row_major_bytes() != size_bytes) return malformed("a placement has other dims");
    SEALEDGE_ASSIGN(const uint8_t* packed, bytes_of(sealed, geometry.size_bytes, store));
    SEALEDGE_ASSIGN(uint8_t* row_major, store->allocate(size_bytes));
    unpack_weight(geometry, packed, row_major);
    return static_cast<const uint8_t*>(row_major);
  }
  return malformed("'" + printable(tensor.name) + "' has no placement");
}

}  // namespace sealedge
