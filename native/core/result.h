// Result<T>: a value or an Error. Native code returns it and never throws, prints or aborts.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/error_code.h"

namespace sealedge {

struct Error {
  ErrorCode code;
  // Lower case, no full stop; names the thing, then expected, then got. Never contains a secret.
  std::string message;
  // Typed fields for the TypeScript error: {"opType", "Conv"}, {"expected", "4"}, {"got", "3"} ...
  std::vector<std::pair<std::string, std::string>> fields = {};
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  // Precondition: ok().
  T& value() & { return *std::get_if<0>(&state_); }
  const T& value() const& { return *std::get_if<0>(&state_); }
  // By value: `for (x : *f())` and `const auto& x = *f()` must not look into a Result that is gone.
  T value() && { return std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  // Precondition: !ok().
  Error& error() & { return *std::get_if<1>(&state_); }
  const Error& error() const& { return *std::get_if<1>(&state_); }
  Error&& error() && { return std::move(*std::get_if<1>(&state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)
  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  Error& error() & { return *error_; }
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

#define SEALEDGE_CONCAT_(a, b) a##b
#define SEALEDGE_CONCAT(a, b) SEALEDGE_CONCAT_(a, b)

// SEALEDGE_TRY(expr): return its error, or go on.
#define SEALEDGE_TRY(expr)                                                        \
  do {                                                                            \
    auto sealedge_try_result = (expr);                                            \
    if (!sealedge_try_result.ok()) return std::move(sealedge_try_result).error(); \
  } while (0)

// SEALEDGE_ASSIGN(auto x, expr): return its error, or bind its value.
#define SEALEDGE_ASSIGN(decl, expr) SEALEDGE_ASSIGN_(SEALEDGE_CONCAT(sealedge_assign_, __LINE__), decl, expr)
#define SEALEDGE_ASSIGN_(tmp, decl, expr)       \
  auto tmp = (expr);                            \
  if (!tmp.ok()) return std::move(tmp).error(); \
  decl = std::move(tmp).value()

}  // namespace sealedge
