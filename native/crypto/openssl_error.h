// Inside the crypto room: what OpenSSL failures become.
#pragma once

#include "core/result.h"

namespace sealedge {

// kCryptoFailure naming the step; kMemoryExhausted when libcrypto ran out of secret heap. Empties OpenSSL's error
// queue.
Error openssl_error(const char* step);

}  // namespace sealedge
