// The quantised operators of onnxruntime's own domain, com.microsoft, as its quantisation tool writes them ("QOperator"
// format). Each is its ONNX operator between DequantizeLinear and QuantizeLinear, which is what it becomes here; the
// passes make the integer kernel of it (docs/QUANTISATION.md).
#pragma once

#include <string_view>

#include "onnx/node_import.h"

namespace sealedge {

inline constexpr std::string_view kMicrosoftDomain = "com.microsoft";

std::span<const OpImporter> microsoft_importers();
// Null: none of those.
const OpImporter* find_microsoft_importer(std::string_view op_type);

}  // namespace sealedge
