// The operators of onnxruntime's own domain, com.microsoft: those of its quantisation tool ("QOperator" format), and
// those that its optimiser writes when it saves a model. Inputs and attributes: onnxruntime, docs/ContribOperators.md.
#pragma once

#include <string_view>

#include "onnx/node_import.h"

namespace sealedge {

inline constexpr std::string_view kMicrosoftDomain = "com.microsoft";

std::span<const OpImporter> microsoft_quantized_importers();  // import_microsoft.cc
std::span<const OpImporter> microsoft_fused_importers();      // import_microsoft_fused.cc
std::span<const OpImporter> microsoft_attention_importers();  // import_microsoft_attention.cc
// All of the above.
std::span<const std::span<const OpImporter>> microsoft_families();

}  // namespace sealedge
