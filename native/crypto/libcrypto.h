// The private static libcrypto. Call crypto_init() before any other function of this room (each does so itself, once).
//
// What libcrypto leaves behind: its contexts, with expanded keys and hash states, are on the secret heap and are wiped
// when freed. Its assembly keeps message schedules and intermediate values on the STACK (SHA-2 keeps the block, so an
// HMAC key pad) and in VECTOR REGISTERS (AES round keys), and does not clear all of it. So whoever passes a secret to
// this room runs on a secret stack (memory/secret_stack.h), which is wiped, and whose leaving clears the registers.
#pragma once

#include "core/result.h"

namespace sealedge {

// Puts libcrypto's allocator on the secret heap (CRYPTO_set_mem_functions) before its first allocation, loads no
// configuration file and no module. Idempotent and thread safe. Fails with kCryptoFailure when libcrypto allocated
// earlier, and with the memory room's error when there is no secret memory.
Result<void> crypto_init();
const char* libcrypto_version();

}  // namespace sealedge
