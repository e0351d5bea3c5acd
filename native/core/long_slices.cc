#include "core/long_slices.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sealedge {

namespace {

// The scheduler's own turns are some 3 ms; it allows up to 100 ms.
constexpr uint64_t kSliceNanoseconds = 20'000'000;

// struct sched_attr of sched_setattr(2) in its first version; glibc 2.36 has neither it nor the calls. Of SCHED_OTHER
// and SCHED_BATCH, `runtime` is the length of a turn since Linux 6.12 (EEVDF's slice), and ignored before.
struct Attributes {
  uint32_t size;
  uint32_t policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime;
  uint64_t deadline;
  uint64_t period;
};
static_assert(sizeof(Attributes) == 48);

bool read(Attributes* attributes) {
  return ::syscall(SYS_sched_getattr, 0, attributes, sizeof *attributes, 0) == 0 &&
         (attributes->policy == SCHED_OTHER || attributes->policy == SCHED_BATCH);
}

}  // namespace

void ask_for_long_slices() {
  Attributes attributes{};
  if (!read(&attributes)) return;
  attributes.runtime = kSliceNanoseconds;
  static_cast<void>(::syscall(SYS_sched_setattr, 0, &attributes, 0));
}

uint64_t slice_nanoseconds() {
  Attributes attributes{};
  return read(&attributes) ? attributes.runtime : 0;
}

}  // namespace sealedge
