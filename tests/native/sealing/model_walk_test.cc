// Every way to write tensor data, read back as raw data; and what a model may not say.
#include "sealing/model_walk.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <random>

#include "temporary_folder.h"
#include "tiny_model.h"

namespace sealedge {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the tiny model's vocabulary

struct Seen {
  TensorRecord record;
  TensorSite site = TensorSite::kGraph;
  std::vector<uint8_t> data;
};

Result<std::vector<Seen>> walk(const ModelFile& file, Rope* rewritten = nullptr) {
  std::vector<Seen> seen;
  const auto visit = [&](const TensorRecord& record, size_t, TensorSite site, Rope* message) -> Result<void> {
    Seen one{record, site, std::vector<uint8_t>(record.size_bytes)};
    SEALEDGE_TRY(TensorReader(record).read(0, one.data));
    seen.push_back(std::move(one));
    return append_inline_data(record, message);
  };
  SEALEDGE_ASSIGN(Rope rope, walk_model(file, visit));
  if (rewritten != nullptr) *rewritten = std::move(rope);
  return seen;
}

Result<std::vector<Seen>> walk_bytes(const std::string& bytes, Rope* rewritten = nullptr) {
  const std::span<const uint8_t> span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  return walk({std::make_shared<MemorySource>(span), std::nullopt}, rewritten);
}

Result<std::vector<Seen>> walk_tensor(const std::string& tensor) {
  return walk_bytes(model(bytes_field(onnx::kGraphInitializer, tensor)));
}

std::string as_string(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

TEST(ModelWalk, EveryCodingOfData) {
  const std::vector<float> floats = {1.5F, -2.25F, 3.0F, 1e-30F};
  const std::vector<double> doubles = {1.5, -2.25};
  std::string unpacked;
  for (const float value : floats) unpacked += fixed32_field(onnx::kTensorFloatData, value);
  const std::string first_half = bytes_field(onnx::kTensorFloatData, raw_bytes(std::vector<float>{1.5F, -2.25F}));
  const std::string mixed =
      first_half + fixed32_field(onnx::kTensorFloatData, 3.0F) + fixed32_field(onnx::kTensorFloatData, 1e-30F);
  const auto negative = [](int64_t value) { return static_cast<uint64_t>(value); };
  struct Case {
    const char* what;
    int32_t type;
    std::vector<int64_t> dims;
    std::string data;
    std::string expected;
  };
  const std::vector<Case> cases = {
      {"raw", 1, {4}, bytes_field(onnx::kTensorRawData, raw_bytes(floats)), raw_bytes(floats)},
      {"packed floats", 1, {2, 2}, bytes_field(onnx::kTensorFloatData, raw_bytes(floats)), raw_bytes(floats)},
      {"unpacked floats", 1, {4}, unpacked, raw_bytes(floats)},
      {"packed and unpacked floats", 1, {4}, mixed, raw_bytes(floats)},
      {"doubles", 11, {2}, bytes_field(onnx::kTensorDoubleData, raw_bytes(doubles)), raw_bytes(doubles)},
      {"complex64", 14, {2}, bytes_field(onnx::kTensorFloatData, raw_bytes(floats)), raw_bytes(floats)},
      {"int32",
       6,
       {3},
       bytes_field(onnx::kTensorInt32Data, packed_varints({1, negative(-2), 300})),
       raw_bytes(std::vector<int32_t>{1, -2, 300})},
      {"unpacked int32",
       6,
       {2},
       varint_field(onnx::kTensorInt32Data, 7) + varint_field(onnx::kTensorInt32Data, negative(-1)),
       raw_bytes(std::vector<int32_t>{7, -1})},
      {"int8",
       3,
       {3},
       bytes_field(onnx::kTensorInt32Data, packed_varints({1, negative(-128), 127})),
       raw_bytes(std::vector<int8_t>{1, -128, 127})},
      {"float16",
       10,
       {2},
       bytes_field(onnx::kTensorInt32Data, packed_varints({0x3C00, 0xC000})),
       raw_bytes(std::vector<uint16_t>{0x3C00, 0xC000})},
      {"bool", 9, {3}, bytes_field(onnx::kTensorInt32Data, packed_varints({0, 1, 1})), std::string("\0\1\1", 3)},
      {"int4, two in an entry", 22, {3}, bytes_field(onnx::kTensorInt32Data, packed_varints({0x21, 0x03})), "\x21\x03"},
      {"int64",
       7,
       {2},
       bytes_field(onnx::kTensorInt64Data, packed_varints({5, negative(-6)})),
       raw_bytes(std::vector<int64_t>{5, -6})},
      {"uint64",
       13,
       {1},
       bytes_field(onnx::kTensorUint64Data, packed_varints({UINT64_MAX})),
       raw_bytes(std::vector<uint64_t>{UINT64_MAX})},
      {"uint32",
       12,
       {2},
       bytes_field(onnx::kTensorUint64Data, packed_varints({1, 0xFFFFFFFF})),
       raw_bytes(std::vector<uint32_t>{1, 0xFFFFFFFF})},
      {"no elements", 1, {0, 4}, "", ""},
      {"a scalar",
       1,
       {},
       bytes_field(onnx::kTensorFloatData, raw_bytes(std::vector<float>{2.5F})),
       raw_bytes(std::vector<float>{2.5F})},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    const auto seen = walk_tensor(tensor_head("t", c.type, c.dims) + c.data);
    ASSERT_TRUE(seen.ok()) << seen.error().message;
    ASSERT_EQ(seen->size(), 1U);
    EXPECT_EQ(as_string((*seen)[0].data), c.expected);
    EXPECT_EQ((*seen)[0].record.name, "t");
  }
}

TEST(ModelWalk, ReadsAnywhereInUnpackedFloats) {
  std::string data;
  std::vector<float> values;
  for (int i = 0; i < 40000; ++i) {
    values.push_back(static_cast<float>(i));
    data += fixed32_field(onnx::kTensorFloatData, values.back());
  }
  const std::string bytes = model(bytes_field(onnx::kGraphInitializer, tensor_head("t", 1, {40000}) + data));
  const auto seen = walk_bytes(bytes);
  ASSERT_TRUE(seen.ok());
  const std::string raw = raw_bytes(values);
  TensorReader reader((*seen)[0].record);
  std::mt19937 random(5);
  for (int i = 0; i < 200; ++i) {
    const size_t offset = random() % raw.size();
    std::vector<uint8_t> part(std::min<size_t>(raw.size() - offset, random() % 5000));
    ASSERT_TRUE(reader.read(offset, part).ok());
    ASSERT_EQ(as_string(part), raw.substr(offset, part.size()));
  }
}

TEST(ModelWalk, VarintsCanBeReadAgainFromTheStart) {
  std::vector<uint64_t> values;
  for (uint64_t i = 0; i < 50000; ++i) values.push_back(i * i);
  const std::string bytes =
      model(bytes_field(onnx::kGraphInitializer,
                        tensor_head("t", 7, {50000}) + bytes_field(onnx::kTensorInt64Data, packed_varints(values))));
  const auto seen = walk_bytes(bytes);
  ASSERT_TRUE(seen.ok());
  TensorReader reader((*seen)[0].record);
  const std::string raw = raw_bytes(values);
  for (const size_t offset : {size_t{0}, size_t{1001}, size_t{399992}, size_t{17}}) {
    std::vector<uint8_t> part(8);
    ASSERT_TRUE(reader.read(offset, part).ok());
    EXPECT_EQ(as_string(part), raw.substr(offset, 8)) << offset;
  }
}

TEST(ModelWalk, DataOfAnotherSizeIsRefused) {
  const std::string floats = raw_bytes(std::vector<float>{1, 2, 3});
  for (const std::string& tensor : {
           tensor_head("t", 1, {4}) + bytes_field(onnx::kTensorRawData, floats),
           tensor_head("t", 1, {2}) + bytes_field(onnx::kTensorRawData, floats),
           tensor_head("t", 1, {4}) + bytes_field(onnx::kTensorFloatData, floats),
           tensor_head("t", 1, {3}) + bytes_field(onnx::kTensorFloatData, floats + "x"),
           tensor_head("t", 1, {3}),
           tensor_head("t", 7, {3}) + bytes_field(onnx::kTensorInt64Data, packed_varints({1, 2})),
           tensor_head("t", 7, {1}) + bytes_field(onnx::kTensorInt64Data, packed_varints({1, 2})),
           tensor_head("t", 7, {1}) + bytes_field(onnx::kTensorInt64Data, "\xFF"),
           tensor_head("t", 7, {1}) + bytes_field(onnx::kTensorInt64Data, std::string(11, '\x80') + '\0'),
           tensor_head("t", 1, {-1}) + bytes_field(onnx::kTensorRawData, floats),
           tensor_head("t", 1, {int64_t{1} << 40, int64_t{1} << 40}) + bytes_field(onnx::kTensorRawData, floats),
       }) {
    const auto seen = walk_tensor(tensor);
    ASSERT_FALSE(seen.ok());
    EXPECT_EQ(seen.error().code, ErrorCode::kModelInvalid) << seen.error().message;
  }
}

// Elsewhere it would be read as if it were this type's, without a word.
TEST(ModelWalk, DataInAFieldOfAnotherTypeIsRefused) {
  const std::string doubles = bytes_field(onnx::kTensorDoubleData, raw_bytes(std::vector<double>{1.5}));
  const std::string floats = bytes_field(onnx::kTensorFloatData, raw_bytes(std::vector<float>{1.5F, 2.5F}));
  const std::string ints = bytes_field(onnx::kTensorInt32Data, packed_varints({1, 2}));
  EXPECT_TRUE(walk_tensor(tensor_head("t", 1, {2}) + floats).ok());
  EXPECT_FALSE(walk_tensor(tensor_head("t", 1, {2}) + doubles).ok());
  EXPECT_FALSE(walk_tensor(tensor_head("t", 11, {1}) + floats).ok());
  EXPECT_FALSE(walk_tensor(tensor_head("t", 7, {2}) + ints).ok());
  EXPECT_FALSE(walk_tensor(tensor_head("t", 14, {2}) + floats + doubles).ok());
  // raw_data goes before all others, as in onnxruntime.
  EXPECT_TRUE(
      walk_tensor(tensor_head("t", 1, {1}) + bytes_field(onnx::kTensorRawData, std::string(4, 'r')) + doubles).ok());
}

// Six bytes of file for each piece, and every read looks for its own: a small file would cost hours.
TEST(ModelWalk, DataInCountlessPiecesIsRefused) {
  const auto pieces = [](size_t count) {
    std::string data;
    for (size_t i = 0; i < count; ++i) data += fixed32_field(onnx::kTensorFloatData, 1.0F) + varint_field(99, 1);
    return tensor_head("t", 1, {static_cast<int64_t>(count)}) + data;
  };
  EXPECT_TRUE(walk_tensor(pieces(4096)).ok());
  EXPECT_FALSE(walk_tensor(pieces(4097)).ok());
}

TEST(ModelWalk, SitesAndNames) {
  const std::string tensor =
      tensor_head("inner", 1, {1}) + bytes_field(onnx::kTensorRawData, raw_bytes(std::vector<float>{1}));
  const auto attribute = [](uint32_t field, const std::string& value) {
    return bytes_field(onnx::kNodeAttribute, bytes_field(1, "value") + bytes_field(field, value));
  };
  const std::string subgraph =
      bytes_field(onnx::kGraphInitializer, tensor) + node("Constant", {}, "c2", attribute(onnx::kAttributeT, tensor));
  const auto seen =
      walk_bytes(model(node("Constant", {}, "c1", attribute(onnx::kAttributeT, tensor)) +
                       node("ConstantOfShape", {"s"}, "c3", attribute(onnx::kAttributeT, tensor)) +
                       node("If", {"x"}, "y", attribute(onnx::kAttributeG, subgraph)) +
                       node("Custom", {}, "z", attribute(onnx::kAttributeTensors, tensor)) +
                       bytes_field(onnx::kGraphInitializer, tensor) +
                       bytes_field(onnx::kGraphSparseInitializer, bytes_field(onnx::kSparseValues, tensor))));
  ASSERT_TRUE(seen.ok());
  std::string order;
  for (const Seen& one : *seen) order += one.record.name + ":" + std::to_string(static_cast<int>(one.site)) + " ";
  // Initializers and constants of any graph can be sealed; what operators read, lists and sparse tensors stay inline.
  EXPECT_EQ(order, "c1:0 :1 inner:0 c2:0 :1 inner:0 :1 ");
}

TEST(ModelWalk, KeepsUnknownFieldsAndOrder) {
  const std::string tensor = tensor_head("t", 1, {1}) + bytes_field(99, "unknown") +
                             bytes_field(onnx::kTensorRawData, raw_bytes(std::vector<float>{1}));
  const std::string bytes = bytes_field(77, "first") +
                            model(bytes_field(onnx::kGraphInitializer, tensor) + varint_field(88, 5)) +
                            bytes_field(20, "last");
  Rope rewritten;
  ASSERT_TRUE(walk_bytes(bytes, &rewritten).ok());
  EXPECT_EQ(rewritten.bytes, bytes);
}

TEST(ModelWalk, StringsAreCopiedUnseen) {
  const std::string tensor = tensor_head("t", 8, {2}) + bytes_field(6, "hello") + bytes_field(6, "world");
  const std::string bytes = model(bytes_field(onnx::kGraphInitializer, tensor));
  Rope rewritten;
  const auto seen = walk_bytes(bytes, &rewritten);
  ASSERT_TRUE(seen.ok());
  EXPECT_TRUE(seen->empty());
  EXPECT_EQ(rewritten.bytes, bytes);
}

TEST(ModelWalk, MalformedMessages) {
  const std::string good =
      model(bytes_field(onnx::kGraphInitializer, tensor_head("t", 1, {1}) + bytes_field(onnx::kTensorRawData, "abcd")));
  ASSERT_TRUE(walk_bytes(good).ok());
  for (size_t length = 1; length < good.size(); ++length) {
    const auto seen = walk_bytes(good.substr(0, length));
    // A cut between two fields of the outermost message is a shorter message, and none of the tensors is half there.
    if (seen.ok()) {
      EXPECT_TRUE(length == 2 || length == good.size() - 4) << length;
    } else {
      EXPECT_EQ(seen.error().code, ErrorCode::kModelInvalid) << length;
    }
  }
  for (const std::string& bytes : {std::string("\x00\x00", 2), std::string("\x0B"),
                                   std::string("\x3A\xFF\xFF\xFF\xFF\x7F"), std::string(12, '\xFF')}) {
    const auto seen = walk_bytes(bytes);
    ASSERT_FALSE(seen.ok());
    EXPECT_EQ(seen.error().code, ErrorCode::kModelInvalid);
  }
}

TEST(ModelWalk, NestingIsBounded) {
  std::string graph;
  for (int depth = 0; depth < 60; ++depth) {
    graph =
        node("If", {"x"}, "y",
             bytes_field(onnx::kNodeAttribute, bytes_field(1, "then_branch") + bytes_field(onnx::kAttributeG, graph)));
  }
  const auto seen = walk_bytes(model(graph));
  ASSERT_FALSE(seen.ok());
  EXPECT_EQ(seen.error().code, ErrorCode::kLimitExceeded);
}

TEST(ModelWalk, RandomBytesNeverCrash) {
  std::mt19937 random(77);
  const std::string good =
      model(bytes_field(onnx::kGraphInitializer,
                        tensor_head("t", 7, {3}) + bytes_field(onnx::kTensorInt64Data, packed_varints({1, 2, 3}))) +
            node("Constant", {}, "c"));
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = good;
    for (uint32_t n = 1 + random() % 3; n > 0; --n) bytes[random() % bytes.size()] = static_cast<char>(random());
    (void)walk_bytes(bytes).ok();
  }
}

class ExternalData : public ::testing::Test {
 protected:
  Result<std::vector<Seen>> walk_external(std::string_view location, std::string_view offset, std::string_view length) {
    std::string tensor = tensor_head("t", 1, {2}) + external_entry("location", location);
    if (!offset.empty()) tensor += external_entry("offset", offset);
    if (!length.empty()) tensor += external_entry("length", length);
    tensor += varint_field(onnx::kTensorDataLocation, onnx::kDataLocationExternal);
    const std::string path = folder_.write("models/model.onnx", model(bytes_field(onnx::kGraphInitializer, tensor)));
    SEALEDGE_ASSIGN(const ModelFile file, open_model_file(path));
    return walk(file);
  }
  TemporaryFolder folder_;
};

TEST_F(ExternalData, IsReadFromTheFolderOfTheModel) {
  const std::string floats = raw_bytes(std::vector<float>{9, 8});
  folder_.write("models/weights.bin", "0123" + floats);
  folder_.write("models/deep/er/weights.bin", floats);
  for (const auto& seen : {walk_external("weights.bin", "4", "8"), walk_external("weights.bin", "4", ""),
                           walk_external("deep/er/weights.bin", "", "")}) {
    ASSERT_TRUE(seen.ok()) << seen.error().message;
    EXPECT_EQ(as_string((*seen)[0].data), floats);
  }
}

TEST_F(ExternalData, NeverLeavesIt) {
  const std::string secret = folder_.write("secret.bin", std::string(64, 's'));
  folder_.write("models/weights.bin", std::string(64, 'w'));
  std::filesystem::create_symlink(secret, folder_.file("models/link.bin"));
  std::filesystem::create_directory_symlink(folder_.file(""), folder_.file("models/linked"));
  std::filesystem::create_hard_link(secret, folder_.file("models/hard.bin"));
  for (const std::string& location :
       {std::string("../secret.bin"), secret, std::string("link.bin"), std::string("linked/secret.bin"),
        std::string("hard.bin"), std::string("a/../weights.bin"), std::string(""), std::string("/"),
        std::string("weights.bin/"), std::string("absent.bin"), std::string("weights.bin\0x", 13)}) {
    const auto seen = walk_external(location, "", "");
    ASSERT_FALSE(seen.ok()) << location;
    EXPECT_TRUE(seen.error().code == ErrorCode::kModelInvalid || seen.error().code == ErrorCode::kFileUnreadable)
        << location;
  }
}

TEST_F(ExternalData, HasToLieInsideItsFile) {
  folder_.write("models/weights.bin", std::string(16, 'w'));
  for (const auto& [offset, length] : {std::pair{"9", ""},
                                       {"17", ""},
                                       {"18446744073709551615", ""},
                                       {"0", "7"},
                                       {"0", "9"},
                                       {"-1", ""},
                                       {"x", ""},
                                       {"4 ", ""}}) {
    const auto seen = walk_external("weights.bin", offset, length);
    ASSERT_FALSE(seen.ok()) << offset << " " << length;
    EXPECT_EQ(seen.error().code, ErrorCode::kModelInvalid);
  }
}

}  // namespace
}  // namespace sealedge
