// Loads models in a child process that may take next to no memory: a refusal that came after allocating what the model
// asks for would show as kOutOfMemory or as std::bad_alloc.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "../support/onnx_builder.h"
#include "engine/session.h"

namespace sealedge::testing {

struct Hostile {
  std::string name;
  std::vector<uint8_t> model;
  ErrorCode code = {};
  std::string message = {};  // a part of it: what was expected, what came
  ModelLimits limits = {};
};

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SEALEDGE_NO_ADDRESS_LIMIT 1  // sanitizers reserve terabytes
#endif
#endif

// Beyond what the process has now.
inline void limit_address_space(size_t more_bytes) {
#ifndef SEALEDGE_NO_ADDRESS_LIMIT
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlimit limit{pages * 4096 + more_bytes, RLIM_INFINITY};
  if (::setrlimit(RLIMIT_AS, &limit) != 0) std::_Exit(3);
#endif
}

// Empty when the model is refused as expected.
inline std::string complaint(const Hostile& hostile) {
  SessionOptions options;
  options.limits = hostile.limits;
  try {
    const auto session = Session::create_from_bytes(hostile.model, options);
    if (session.ok()) return "was accepted";
    const Error& error = session.error();
    if (error.code != hostile.code || error.message.find(hostile.message) == std::string::npos) {
      return std::string("expected ") + error_code_name(hostile.code) + " '" + hostile.message + "', got " +
             error_code_name(error.code) + " '" + error.message + "'";
    }
  } catch (const std::bad_alloc&) {
    return "ran out of memory";
  }
  return "";
}

constexpr size_t kMemoryForRefusal = size_t{24} << 20;

// Calls complain(item) in the child for each; what is not empty is a failure.
template <typename Item, typename Complain>
void expect_no_complaints(const std::vector<Item>& items, const Complain& complain) {
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::close(pipe_ends[0]);
    limit_address_space(kMemoryForRefusal);
    for (const Item& item : items) {
      const std::string why = complain(item);
      if (!why.empty()) ::dprintf(pipe_ends[1], "%s: %s\n", item.name.c_str(), why.c_str());
    }
    std::_Exit(0);
  }
  ::close(pipe_ends[1]);
  std::string complaints;
  char buffer[4096];
  for (ssize_t got; (got = ::read(pipe_ends[0], buffer, sizeof buffer)) > 0;) {
    complaints.append(buffer, static_cast<size_t>(got));
  }
  ::close(pipe_ends[0]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the child died, status " << status;
  EXPECT_EQ(complaints, "");
}

// Fails once per model that is not refused as it should be.
inline void expect_refused(const std::vector<Hostile>& models) { expect_no_complaints(models, complaint); }

// Fails once per model that is refused, or takes memory to speak of; what else is said of them is not looked at.
inline void expect_accepted(const std::vector<Hostile>& models) {
  expect_no_complaints(models, [](const Hostile& hostile) -> std::string {
    try {
      const auto session = Session::create_from_bytes(hostile.model, {});
      return session.ok() ? "" : session.error().message;
    } catch (const std::bad_alloc&) {
      return "ran out of memory";
    }
  });
}

}  // namespace sealedge::testing
