#include "core/error_code.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace sealedge {
namespace {

TEST(ErrorCode, EveryCodeHasItsNames) {
  std::set<std::string> seen;
#define SEALEDGE_X(name, cls, text)                                    \
  EXPECT_STREQ(error_class_name(ErrorCode::name), cls);                \
  EXPECT_STREQ(error_code_name(ErrorCode::name), text);                \
  EXPECT_TRUE(seen.insert(text).second) << text << " is listed twice"; \
  EXPECT_TRUE(std::string(text).starts_with("ERR_"));
  SEALEDGE_ERROR_CODES(SEALEDGE_X)
#undef SEALEDGE_X
}

}  // namespace
}  // namespace sealedge
