// The private static libcrypto. Call crypto_init() before any other function of this room (each does so itself, once).
#pragma once

#include "core/result.h"

namespace sealedge {

// Puts libcrypto's allocator on the secret heap (CRYPTO_set_mem_functions) before its first allocation, loads no
// configuration file and no module. Idempotent and thread safe. Fails with kCryptoFailure when libcrypto allocated earlier, and
// with the memory room's error when there is no secret memory.
Result<void> crypto_init();
const char* libcrypto_version();

}  // namespace sealedge
