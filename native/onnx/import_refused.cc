// Operators of the standard and of ai.onnx.ml that this engine does not run on purpose, each with the reason that a
// user reads.
#include <array>

#include "onnx/import_ml.h"

namespace sealedge {

namespace {

struct Refused {
  std::string_view op_type;
  std::string_view reason;
};

constexpr auto kRefused = std::to_array<Refused>({
    // Two runs of a sealed model on one input give one output.
    {"Bernoulli", "draws random numbers"},
    {"Multinomial", "draws random numbers"},
    {"RandomNormal", "draws random numbers"},
    {"RandomNormalLike", "draws random numbers"},
    {"RandomUniform", "draws random numbers"},
    {"RandomUniformLike", "draws random numbers"},
    {"SequenceMap", "a body that runs over a sequence"},
    {"RegexFullMatch", "strings"},
    {"StringConcat", "strings"},
    {"StringNormalizer", "strings"},
    {"StringSplit", "strings"},
    // A decoder of image files parses hostile bytes: the program's job, outside of where weights are in clear.
    {"ImageDecoder", "decodes image files"},
});

constexpr auto kRefusedMl = std::to_array<Refused>({
    // What a converter adds behind a classifier unless it is told not to (scikit-learn: zipmap=False).
    {"ZipMap", "maps: convert the model without ZipMap"},
    {"CastMap", "maps"},
    {"DictVectorizer", "maps"},
});

template <const auto& kList>
void refuse(NodeImport& node) {
  for (const Refused& refused : kList) {
    if (refused.op_type == node.proto().op_type) return node.unsupported(std::string(refused.reason));
  }
}

template <const auto& kList>
constexpr auto kImportersOf = [] {
  std::array<OpImporter, kList.size()> importers{};
  for (size_t i = 0; i < kList.size(); ++i) importers[i] = {kList[i].op_type, 0, kVariadic, refuse<kList>};
  return importers;
}();

}  // namespace

std::span<const OpImporter> refused_importers() { return kImportersOf<kRefused>; }
std::span<const OpImporter> ml_refused_importers() { return kImportersOf<kRefusedMl>; }

}  // namespace sealedge
