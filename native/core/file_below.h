// Opens a file that untrusted data names, below a folder that the user named.
#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"

namespace sealedge {

struct OpenFile {
  int descriptor;  // the caller's to close
  uint64_t size_bytes;
  int64_t modified_ns;
};

// `location` is relative, '/' between components. Refused, so that a model cannot make its reader look at files that
// are not the model's (the known ways are CVE-2022-25882, CVE-2024-27318, CVE-2026-27489, -34446 and -34447 of onnx):
//   kModelInvalid     absolute, "..", an empty component, a NUL byte, 4096 bytes or more
//   kFileUnreadable   a symbolic link anywhere below the folder, a file with more than one hard link, and anything but
//                     a regular file: devices and FIFOs are not even opened
// `what` begins the message. Messages hold no text of the file.
Result<OpenFile> open_file_below(const std::string& folder, const std::string& location, const std::string& what);

}  // namespace sealedge
