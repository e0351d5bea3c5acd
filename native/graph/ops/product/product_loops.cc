#include "graph/ops/product/product_loops.h"

#include <algorithm>
#include <string>

#include "graph/ops/element_types.h"
#include "graph/ops/support.h"
#include "kernels/parallel.h"

namespace sealedge {

namespace {

// What sums are kept in. Integers of 32 bits and less: modulo 2^32, of which the low bits are right for them too.
template <typename T>
using Sum =
    std::conditional_t<std::is_integral_v<T>, std::conditional_t<(sizeof(T) > 4), uint64_t, uint32_t>, Arithmetic<T>>;

constexpr size_t kColumns = 64;  // of Y at a time: their sums stay in the nearest cache

template <typename T>
void multiply(const LoopProduct& p, const void* a_data, const void* b_data, void* y_data,
              const KernelContext& context) {
  const auto* a = static_cast<const T*>(a_data);
  const auto* b = static_cast<const T*>(b_data);
  auto* y = static_cast<T*>(y_data);
  const size_t parts = parts_for(context.parallel, p.m, p.n * p.k);
  parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
    const Part rows = part_of(p.m, index, parts);
    for (size_t i = rows.begin; i < rows.end; ++i) {
      for (size_t from = 0; from < p.n; from += kColumns) {
        const size_t columns = std::min(kColumns, p.n - from);
        Sum<T> sums[kColumns] = {};
        for (size_t k = 0; k < p.k; ++k) {
          // Sign extension, then modulo 2^32.
          // NOLINTNEXTLINE(bugprone-signed-char-misuse)
          const auto factor = static_cast<Sum<T>>(a[i * p.a_row + k * p.a_column]);
          const T* row = b + k * p.b_row + from * p.b_column;
          for (size_t j = 0; j < columns; ++j) sums[j] += factor * static_cast<Sum<T>>(row[j * p.b_column]);
        }
        for (size_t j = 0; j < columns; ++j) y[i * p.n + from + j] = static_cast<T>(sums[j]);
      }
    }
  });
}

}  // namespace

ProductLoop find_product_loop(DataType type) {
  return dispatch_type(NumberTypes{}, type, []<typename T>() -> ProductLoop { return multiply<T>; });
}

Result<void> check_product_types(std::span<const Operand> inputs) {
  const DataType type = inputs[0].type;
  if (inputs[1].type != type) {
    return shape_mismatch(std::string("factors of different types: ") + data_type_name(type) + " and " +
                          data_type_name(inputs[1].type));
  }
  if (!find_product_loop(type)) return op_unsupported(data_type_name(type));
  return {};
}

}  // namespace sealedge
