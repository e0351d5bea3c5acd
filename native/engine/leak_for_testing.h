// Deliberately breaks residency, so that the test that scans for it can be seen to find it. Nothing in a release.
#pragma once

#include "graph/graph.h"

namespace sealedge {

#if defined(SEALEDGE_TEST_HOOKS)
// With SEALEDGE_LEAK=weights: copies every packed weight and constant to the ordinary heap, never freed.
void leak_weights_for_testing(const Graph& graph);
#else
inline void leak_weights_for_testing(const Graph&) {}
#endif

}  // namespace sealedge
