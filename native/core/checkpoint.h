// Named points at which a test can hold a thread while another process reads this one's memory (the residency tests).
// Only under SEALEDGE_TEST_HOOKS; a release has no trace of it.
#pragma once

#if defined(SEALEDGE_TEST_HOOKS)

namespace sealedge {

// Writes name and a newline to the socket inherited as SEALEDGE_CHECKPOINT_FD, then waits for one byte from it.
// Returns at once when the variable is not set or the other end is gone. One thread is held at a time.
void checkpoint(const char* name);

}  // namespace sealedge

#define SEALEDGE_CHECKPOINT(name) ::sealedge::checkpoint(name)
#else
#define SEALEDGE_CHECKPOINT(name) ((void)0)
#endif
