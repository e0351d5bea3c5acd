// Operators of the standard that this engine does not run on purpose, each with the reason that a user reads.
#include <array>

#include "onnx/node_import.h"

namespace sealedge {

namespace {

// Two runs of one sealed model on one input give one output: nothing here draws numbers.
void random(NodeImport& node) { node.unsupported("draws random numbers"); }
void sequence_map(NodeImport& node) { node.unsupported("a body that runs over a sequence"); }
void optional(NodeImport& node) { node.unsupported("optional values"); }
void strings(NodeImport& node) { node.unsupported("strings"); }
// A decoder of image files is a parser of hostile bytes: the program's job, outside of where weights are in clear.
void image(NodeImport& node) { node.unsupported("decodes image files"); }

constexpr auto kImporters = std::to_array<OpImporter>({
    {"Bernoulli", 0, kVariadic, random},
    {"ImageDecoder", 0, kVariadic, image},
    {"Multinomial", 0, kVariadic, random},
    {"Optional", 0, kVariadic, optional},
    {"OptionalGetElement", 0, kVariadic, optional},
    {"OptionalHasElement", 0, kVariadic, optional},
    {"RandomNormal", 0, kVariadic, random},
    {"RandomNormalLike", 0, kVariadic, random},
    {"RandomUniform", 0, kVariadic, random},
    {"RandomUniformLike", 0, kVariadic, random},
    {"RegexFullMatch", 0, kVariadic, strings},
    {"SequenceMap", 0, kVariadic, sequence_map},
    {"StringConcat", 0, kVariadic, strings},
    {"StringNormalizer", 0, kVariadic, strings},
    {"StringSplit", 0, kVariadic, strings},
});

}  // namespace

std::span<const OpImporter> refused_importers() { return kImporters; }

}  // namespace sealedge
