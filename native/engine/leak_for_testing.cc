#include "engine/leak_for_testing.h"

#if defined(SEALEDGE_TEST_HOOKS)

#include <cstdlib>
#include <cstring>
#include <string_view>

namespace sealedge {

namespace {

// Reachable, so that the optimiser keeps the copies and a leak checker does not complain.
void* g_leaked[4096];
size_t g_leaked_count = 0;

void leak(const uint8_t* data, size_t size_bytes) {
  if (!data || size_bytes == 0 || g_leaked_count == std::size(g_leaked)) return;
  void* copy = std::malloc(size_bytes);
  if (copy) g_leaked[g_leaked_count++] = std::memcpy(copy, data, size_bytes);
}

}  // namespace

void leak_weights_for_testing(const Graph& graph) {
  const char* what = std::getenv("SEALEDGE_LEAK");
  if (!what || std::string_view(what) != "weights") return;
  for_each_graph(graph, [](const Graph& part) {
    for (const Value& value : part.values) {
      if (!value.constant) continue;
      if (value.constant->data) leak(value.constant->data, *checked_size_bytes(value.constant->fact));
      for (const Constant::Packed& packed : value.constant->packed) {
        leak(packed.weight->panel(0, packed.weight->size_bytes(), 0), packed.weight->size_bytes());
      }
    }
  });
}

}  // namespace sealedge

#endif
