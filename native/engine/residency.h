// Where the weights of a loaded model are, and whether any of them can be found elsewhere.
//
// Probes are drawn from every form a weight has in this process: row-major, each packed layout, values derived from
// weights (a BatchNormalization's scale and shift), and for packed weights the row-major form of the file, which the
// process should never have held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "memory/self_scan.h"

namespace sealedge {

struct LoadedModel;

struct ResidencyRequest {
  bool scan = false;
  size_t probes_per_form = 64;
  std::span<const uint8_t> key = {};  // a key payload (docs/SPEC.md): the content key in it is looked for too
};

struct ResidencyReport {
  struct Form {
    std::string name;  // "row-major", "panel16", "depthwise16" ...
    size_t tensors = 0;
    size_t size_bytes = 0;
  };
  std::vector<Form> forms;
  size_t weight_bytes = 0;  // of all forms
  size_t secret_bytes = 0;  // of these in secret memory
  size_t arena_bytes = 0;   // activations of one run, largest plan
  bool arena_is_secret = false;

  std::vector<std::string> probes;  // names; empty without a scan
  std::optional<SelfScanReport> scan;
};

// Reads weights: run it on a secret stack.
Result<ResidencyReport> examine_residency(const LoadedModel& model, const ResidencyRequest& request);

}  // namespace sealedge
