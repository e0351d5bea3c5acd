// External data of a plain model: files in the folder of the model, and nowhere else (onnx docs/ExternalData.md).
#pragma once

#include <map>
#include <string>

#include "onnx/external_data.h"

namespace sealedge {

// Refused: what core/file_below.h refuses, ranges past the end.
class FolderExternalData final : public ExternalData {
 public:
  explicit FolderExternalData(std::string folder) : folder_(std::move(folder)) {}
  ~FolderExternalData() override;
  FolderExternalData(const FolderExternalData&) = delete;
  FolderExternalData& operator=(const FolderExternalData&) = delete;

  Result<const uint8_t*> row_major(const TensorProto& tensor, size_t size_bytes, ConstantStore* store) override;
  Result<const uint8_t*> packed(const TensorProto&, const WeightPlacement&, size_t, ConstantStore*) override {
    return static_cast<const uint8_t*>(nullptr);
  }

 private:
  struct File {
    int descriptor;
    uint64_t size_bytes;
  };
  Result<File> open(const std::string& location);
  void close_all();

  std::string folder_;
  std::map<std::string, File> files_;
};

}  // namespace sealedge
