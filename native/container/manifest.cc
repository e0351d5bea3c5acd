#include "container/manifest.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>

#include "container/canonical_json.h"
#include "container/envelope.h"
#include "container/text_encoding.h"
#include "container/utf8.h"

namespace sealedge {
namespace {

using Type = JsonValue::Type;

constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";
constexpr std::string_view kPredicateType = "urn:sealedge:sealed-model:1";
constexpr size_t kMaxDescriptionBytes = 1024;
// SPEC.md "Conventions", SPKI: the fixed bytes of a P-256 key with an uncompressed point.
constexpr uint8_t kSpkiPrefix[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                   0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
constexpr size_t kSpkiBytes = 91;

Error invalid(std::string message) { return {ErrorCode::kManifestInvalid, "statement: " + std::move(message)}; }

// `value` is an object that has every name of `required`, any of `optional`, and nothing else.
bool has_members(const JsonValue* value, std::initializer_list<std::string_view> required,
                 std::initializer_list<std::string_view> optional = {}) {
  if (value == nullptr || value->type != Type::kObject) return false;
  size_t known = 0;
  for (std::string_view name : required) {
    if (value->find(name) == nullptr) return false;
    ++known;
  }
  for (std::string_view name : optional) known += value->find(name) != nullptr ? 1 : 0;
  return known == value->members.size();
}

bool read_string(const JsonValue* value, std::string* out) {
  if (value == nullptr || value->type != Type::kString) return false;
  *out = value->string;
  return true;
}

bool read_text(const JsonValue* value, size_t max_bytes, std::string* out) {
  return read_string(value, out) && !out->empty() && out->size() <= max_bytes && !has_control_character(*out);
}

bool read_count(const JsonValue* value, uint64_t min, uint64_t max, uint64_t* out) {
  if (value == nullptr || value->type != Type::kInteger || value->integer < 0) return false;
  *out = static_cast<uint64_t>(value->integer);
  return *out >= min && *out <= max;
}

bool read_hex(const JsonValue* value, std::span<uint8_t> out) {
  return value != nullptr && value->type == Type::kString && from_hex(value->string, out);
}

// YYYY-MM-DDThh:mm:ssZ; fields in range, days of the month not counted.
bool is_timestamp(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:ddZ";
  if (text.size() != kShape.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kShape[i] == 'd' ? !digit : text[i] != kShape[i]) return false;
  }
  const auto field = [text](size_t at) { return (text[at] - '0') * 10 + (text[at + 1] - '0'); };
  const auto within = [](int value, int low, int high) { return value >= low && value <= high; };
  return within(field(5), 1, 12) && within(field(8), 1, 31) && within(field(11), 0, 23) && within(field(14), 0, 59) &&
         within(field(17), 0, 59);
}

bool is_p256_spki(std::span<const uint8_t> spki) {
  return spki.size() == kSpkiBytes && std::equal(std::begin(kSpkiPrefix), std::end(kSpkiPrefix), spki.begin());
}

// n is at most kMaxSafeInteger + kMaxSegmentBytes: no overflow.
uint64_t align(uint64_t n) { return (n + kSegmentAlignment - 1) / kSegmentAlignment * kSegmentAlignment; }

Result<SegmentInfo> parse_segment(const JsonValue& value, size_t index, uint64_t expected_offset) {
  const std::string which = "segment " + std::to_string(index);
  SegmentInfo segment;
  std::string kind;
  if (!has_members(&value, {"id", "kind", "length", "offset", "sha256", "tag"}) ||
      !read_hex(value.find("id"), segment.id) || !read_hex(value.find("tag"), segment.tag) ||
      !read_hex(value.find("sha256"), segment.sha256) || !read_string(value.find("kind"), &kind)) {
    return invalid(which + " has a wrong or missing member");
  }
  if (kind != (index == 0 ? "graph" : "weights")) return invalid(which + " has the wrong kind");
  segment.kind = index == 0 ? SegmentKind::kGraph : SegmentKind::kWeights;
  if (!read_count(value.find("length"), 1, kMaxSegmentBytes, &segment.length_bytes)) {
    return invalid(which + " has a length out of range");
  }
  if (segment.kind == SegmentKind::kWeights && segment.length_bytes % kWeightSegmentGranule != 0) {
    return invalid(which + " has a length that is no multiple of 64");
  }
  if (!read_count(value.find("offset"), 0, kMaxSafeInteger, &segment.offset_bytes) ||
      segment.offset_bytes != expected_offset) {
    return invalid(which + ": expected offset " + std::to_string(expected_offset));
  }
  return segment;
}

Result<void> parse_segments(const JsonValue* value, Manifest* out) {
  if (value == nullptr || value->type != Type::kArray || value->items.empty()) return invalid("no segments");
  uint64_t end = out->data_offset_bytes;
  for (const JsonValue& item : value->items) {
    SEALEDGE_ASSIGN(const SegmentInfo segment, parse_segment(item, out->segments.size(), align(end)));
    end = segment.offset_bytes + segment.length_bytes;
    if (end > kMaxSafeInteger) return invalid("segments reach beyond 2^53 - 1");
    out->segments.push_back(segment);
  }
  if (end != out->total_length_bytes) return invalid("total length is not the end of the last segment");

  std::vector<std::array<uint8_t, 32>> ids;
  ids.reserve(out->segments.size());
  for (const SegmentInfo& segment : out->segments) ids.push_back(segment.id);
  std::sort(ids.begin(), ids.end());
  if (std::adjacent_find(ids.begin(), ids.end()) != ids.end()) return invalid("two segments have one id");
  return {};
}

Result<void> check_subject(const JsonValue* value, const Manifest& manifest) {
  if (value == nullptr || value->type != Type::kArray || value->items.size() != 1) {
    return invalid("expected exactly one subject");
  }
  const JsonValue& subject = value->items[0];
  if (!has_members(&subject, {"digest", "name"}) || !has_members(subject.find("digest"), {"sealedgeSegments1"})) {
    return invalid("subject has a wrong or missing member");
  }
  std::string name;
  if (!read_string(subject.find("name"), &name) || name != manifest.model_name) {
    return invalid("subject name is not the model name");
  }
  SEALEDGE_ASSIGN(Digest digest, Digest::create(HashAlg::kSha256));
  for (const SegmentInfo& segment : manifest.segments) SEALEDGE_TRY(digest.update(segment.sha256));
  Sha256Digest expected;
  SEALEDGE_TRY(digest.finish(expected));
  Sha256Digest got;
  if (!read_hex(subject.find("digest")->find("sealedgeSegments1"), got) || got != expected) {
    return invalid("subject digest is not that of the segments");
  }
  return {};
}

Result<void> parse_model(const JsonValue* value, Manifest* out) {
  if (!has_members(value, {"name", "version"}, {"description"})) return invalid("model has a wrong or missing member");
  if (!read_text(value->find("name"), kMaxModelNameBytes, &out->model_name)) return invalid("model name is not valid");
  if (!read_count(value->find("version"), 1, kMaxSafeInteger, &out->model_version)) {
    return invalid("model version is out of range");
  }
  const JsonValue* description = value->find("description");
  if (description != nullptr && !read_text(description, kMaxDescriptionBytes, &out->model_description)) {
    return invalid("model description is not valid");
  }
  return {};
}

Result<void> parse_publisher(const JsonValue* value, Manifest* out) {
  std::string spki;
  if (!has_members(value, {"spki"}) || !read_string(value->find("spki"), &spki) ||
      !from_base64(spki, &out->publisher_spki) || !is_p256_spki(out->publisher_spki)) {
    return invalid("publisher key is not a P-256 SubjectPublicKeyInfo");
  }
  return {};
}

Result<void> parse_container(const JsonValue* value, size_t envelope_length, Manifest* out) {
  if (!has_members(value, {"dataOffset", "totalLength"}) ||
      !read_count(value->find("dataOffset"), 0, kMaxSafeInteger, &out->data_offset_bytes) ||
      !read_count(value->find("totalLength"), 1, kMaxSafeInteger, &out->total_length_bytes)) {
    return invalid("container has a wrong or missing member");
  }
  if (out->data_offset_bytes != align(kHeaderBytes + envelope_length)) {
    return invalid("data offset is not the first page after the envelope");
  }
  return {};
}

Result<JsonValue> parse_statement(std::string_view statement) {
  auto parsed = parse_canonical_json(statement);
  if (!parsed.ok() && parsed.error().code == ErrorCode::kEnvelopeMalformed) return invalid(parsed.error().message);
  return parsed;
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view statement, size_t envelope_length) {
  SEALEDGE_ASSIGN(const JsonValue root, parse_statement(statement));
  Manifest out;
  std::string type;
  std::string predicate_type;
  if (!read_string(root.find("_type"), &type) || type != kStatementType ||
      !read_string(root.find("predicateType"), &predicate_type) || predicate_type != kPredicateType) {
    return invalid("not an in-toto Statement v1 about a sealed model");
  }
  const JsonValue* predicate = root.find("predicate");
  // Before the schema: another suite may have other members.
  const JsonValue* suite = predicate == nullptr ? nullptr : predicate->find("suite");
  if (suite == nullptr || suite->type != Type::kInteger) return invalid("no suite");
  if (suite->integer != kSuite1) {
    const std::string got = std::to_string(suite->integer);
    return Error{ErrorCode::kSuiteUnsupported, "suite: expected 1, got " + got, {{"expected", "1"}, {"got", got}}};
  }
  out.suite = kSuite1;
  if (!has_members(&root, {"_type", "predicate", "predicateType", "subject"}) ||
      !has_members(predicate, {"container", "keyId", "model", "publisher", "segments", "suite"}, {"created"})) {
    return invalid("a member is missing or not known");
  }
  if (!read_hex(predicate->find("keyId"), out.key_id)) return invalid("key id is not 64 lower-case hex digits");
  const JsonValue* created = predicate->find("created");
  if (created != nullptr && (!read_string(created, &out.created) || !is_timestamp(out.created))) {
    return invalid("created is not a UTC time");
  }
  SEALEDGE_TRY(parse_publisher(predicate->find("publisher"), &out));
  SEALEDGE_TRY(parse_model(predicate->find("model"), &out));
  SEALEDGE_TRY(parse_container(predicate->find("container"), envelope_length, &out));
  SEALEDGE_TRY(parse_segments(predicate->find("segments"), &out));
  SEALEDGE_TRY(check_subject(root.find("subject"), out));
  return out;
}

}  // namespace sealedge
