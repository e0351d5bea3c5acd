// A hostile sealed file, whole and in pieces: the two ways of reading must come to the same verdict. Most inputs stop
// at the signature, so envelope and statement are parsed for themselves as well.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <string_view>

#include "container/envelope.h"
#include "container/manifest.h"
#include "container/open.h"

namespace {

constexpr std::array<uint8_t, sealedge::kKeyPayloadBytes> key_payload() {
  std::array<uint8_t, sealedge::kKeyPayloadBytes> payload{};
  payload.back() = 1;  // minimum version
  return payload;
}

std::optional<sealedge::ErrorCode> open_whole(std::span<const uint8_t> file) {
  const auto payload = key_payload();
  auto model = sealedge::SealedModel::open_bytes(file, payload);
  if (model.ok()) return std::nullopt;
  return model.error().code;
}

std::optional<sealedge::ErrorCode> open_in_pieces(std::span<const uint8_t> file, size_t piece_bytes) {
  const auto payload = key_payload();
  auto feeder = sealedge::SealedModelFeeder::create(payload);
  if (!feeder.ok()) return feeder.error().code;
  while (!file.empty()) {
    const size_t count = std::min(piece_bytes, file.size());
    if (auto fed = feeder->feed(file.first(count)); !fed.ok()) return fed.error().code;
    file = file.subspan(count);
  }
  auto model = feeder->finish();
  if (model.ok()) return std::nullopt;
  return model.error().code;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> file(data, size);
  const size_t piece_bytes = size == 0 ? 1 : 1 + data[0] % 61;
  if (open_whole(file) != open_in_pieces(file, piece_bytes)) abort();

  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto envelope = sealedge::parse_envelope(text); envelope.ok()) {
    (void)sealedge::parse_manifest(envelope->statement, size).ok();
  }
  (void)sealedge::parse_manifest(text, size).ok();
  return 0;
}
