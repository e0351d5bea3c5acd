#include "core/error_code.h"

namespace sealedge {

const char* error_class_name(ErrorCode code) {
  switch (code) {
#define SEALEDGE_X(name, cls, text) \
  case ErrorCode::name:             \
    return cls;
    SEALEDGE_ERROR_CODES(SEALEDGE_X)
#undef SEALEDGE_X
  }
  return "InternalError";
}

const char* error_code_name(ErrorCode code) {
  switch (code) {
#define SEALEDGE_X(name, cls, text) \
  case ErrorCode::name:             \
    return text;
    SEALEDGE_ERROR_CODES(SEALEDGE_X)
#undef SEALEDGE_X
  }
  return "ERR_INTERNAL";
}

}  // namespace sealedge
