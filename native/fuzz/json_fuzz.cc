// The envelope's JSON: whatever parses and is representable re-serialises to a text that parses to the same again, and
// whatever counts as canonical is its own serialisation, byte for byte.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "container/canonical_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = sealedge::parse_json(text);
  const auto canonical = sealedge::parse_canonical_json(text);
  if (!parsed.ok()) {
    if (canonical.ok()) abort();
    return 0;
  }
  if (!parsed->representable) {
    if (canonical.ok()) abort();
    return 0;
  }
  const std::string spelled = sealedge::canonical_json(parsed->value);
  if (canonical.ok() != (spelled == text)) abort();
  const auto again = sealedge::parse_canonical_json(spelled);
  if (!again.ok() || sealedge::canonical_json(*again) != spelled) abort();
  return 0;
}
