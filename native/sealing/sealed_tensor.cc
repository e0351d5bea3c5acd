#include "sealing/sealed_tensor.h"

#include <charconv>

#include "container/text_encoding.h"
#include "core/weight_packing.h"
#include "sealing/tensor_record.h"

namespace sealedge {
namespace {

constexpr std::string_view kLocationKey = "location";
constexpr std::string_view kLocation = "sealed";
constexpr std::string_view kDigestKey = "sealedge.sha256";
constexpr std::string_view kPlacementKey = "sealedge.placement";
constexpr std::string_view kOrderNames[] = {"none", "conv_oihw", "gemm_kn", "gemm_nk"};

Error malformed(std::string_view what) {
  return {ErrorCode::kModelInvalid, "sealed tensor: malformed " + std::string(what)};
}

// Decimal without leading zeros or sign.
template <typename T>
bool parse_number(std::string_view text, T* out) {
  if (text.empty() || (text.size() > 1 && text[0] == '0') || text[0] == '-') return false;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), *out);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0;;) {
    const size_t end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

template <typename Enum, typename Name, size_t N>
bool parse_name(std::string_view text, const Name (&names)[N], Enum* out) {
  for (size_t i = 0; i < N; ++i) {
    if (names[i] != text) continue;
    *out = static_cast<Enum>(i);
    return true;
  }
  return false;
}

int32_t element_type_of(WeightLayout layout) {
  if (!is_byte_layout(layout)) return kOnnxFloat;
  return is_unsigned_layout(layout) ? kOnnxUint8 : kOnnxInt8;
}

}  // namespace

std::string format_placement(const SegmentPlacement& placement) {
  std::string out = std::to_string(placement.segment) + ' ' + std::to_string(placement.offset_bytes) + ' ' +
                    std::to_string(placement.length_bytes) + ' ';
  out += kWeightLayoutNames[static_cast<size_t>(placement.layout)];
  out += ' ';
  out += kOrderNames[static_cast<size_t>(placement.order)];
  for (size_t i = 0; i < placement.dims.size(); ++i) {
    out += i == 0 ? ' ' : 'x';
    out += std::to_string(placement.dims[i]);
  }
  return out;
}

Result<SegmentPlacement> parse_placement(std::string_view text) {
  const auto parts = split(text, ' ');
  SegmentPlacement out;
  if (parts.size() != 6 || !parse_number(parts[0], &out.segment) || out.segment == 0 ||
      !parse_number(parts[1], &out.offset_bytes) || !parse_number(parts[2], &out.length_bytes) ||
      !parse_name(parts[3], kWeightLayoutNames, &out.layout) || !parse_name(parts[4], kOrderNames, &out.order)) {
    return malformed(kPlacementKey);
  }
  for (std::string_view part : split(parts[5], 'x')) {
    int64_t dim = 0;
    if (!parse_number(part, &dim)) return malformed(kPlacementKey);
    out.dims.push_back(dim);
  }
  if (out.offset_bytes % 64 != 0 || (out.layout == WeightLayout::kPlain) != (out.order == WeightSourceOrder::kNone)) {
    return malformed(kPlacementKey);
  }
  return out;
}

ExternalEntries format_sealed_tensor(const SealedTensor& tensor) {
  ExternalEntries out = {{std::string(kLocationKey), std::string(kLocation)},
                         {std::string(kDigestKey), to_hex(tensor.sha256)}};
  for (const SegmentPlacement& placement : tensor.placements) {
    out.emplace_back(kPlacementKey, format_placement(placement));
  }
  return out;
}

Result<SealedTensor> parse_sealed_tensor(const ExternalEntries& entries) {
  SealedTensor out;
  size_t locations = 0;
  size_t digests = 0;
  for (const auto& [key, value] : entries) {
    if (key == kLocationKey) {
      ++locations;
      if (value != kLocation) return malformed(kLocationKey);
    } else if (key == kDigestKey) {
      ++digests;
      if (!from_hex(value, out.sha256)) return malformed(kDigestKey);
    } else if (key == kPlacementKey) {
      SEALEDGE_ASSIGN(SegmentPlacement placement, parse_placement(value));
      out.placements.push_back(std::move(placement));
    } else {
      return malformed("entry");
    }
  }
  if (locations != 1 || digests != 1 || out.placements.empty()) return malformed("entries");
  return out;
}

Result<uint64_t> placed_length_bytes(const SegmentPlacement& placement, int32_t data_type, uint64_t raw_bytes) {
  uint64_t size = 0;
  if (!raw_size_bytes(data_type, placement.dims, &size) || size != raw_bytes) return malformed("dims of a placement");
  if (placement.layout == WeightLayout::kPlain) return raw_bytes;
  if (data_type != element_type_of(placement.layout)) return malformed("layout of a tensor of another type");
  SEALEDGE_ASSIGN(const WeightGeometry geometry, weight_geometry(placement.layout, placement.order, placement.dims));
  return uint64_t{geometry.size_bytes};
}

}  // namespace sealedge
