// Every kernel of every instruction set that this CPU has, against the scalar one: the comparisons and bounds of the
// agreement test (tests/native/kernels/differential). First byte: the family; second: the instruction set; the rest
// decides the case.
#include <cstdio>
#include <cstdlib>

#include "kernels/differential/families.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealedge;
  using namespace sealedge::differential;
  const KernelTables tables = available_kernels();
  if (size < 2 || tables.size < 2) return 0;
  const Family& family = kFamilies[data[0] % std::size(kFamilies)];
  const KernelTable& subject = *tables.data[1 + data[1] % (tables.size - 1)];
  Decisions decisions(data + 2, size - 2);
  const std::string disagreement = family.compare(decisions, *tables.data[0], subject);
  if (disagreement.empty()) return 0;
  std::fprintf(stderr, "%s on %s: %s\n", family.name, subject.isa, disagreement.c_str());
  std::abort();
}
