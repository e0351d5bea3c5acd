// Inside the crypto room: algorithms fetched once. A fetch by name costs more than the digest of a short message.
#pragma once

#include <openssl/evp.h>

#include "core/result.h"
#include "crypto/digest.h"

namespace sealedge {

struct Algorithms {
  EVP_CIPHER* aes_256_gcm = nullptr;
  EVP_CIPHER* aes_128_cfb = nullptr;
  EVP_CIPHER* aes_256_cfb = nullptr;
  EVP_MD* sha1 = nullptr;
  EVP_MD* sha256 = nullptr;
  EVP_MD* sha384 = nullptr;
  EVP_MD* sha512 = nullptr;
  // HMAC with the digest set and no key: duplicated for each use.
  EVP_MAC_CTX* hmac_sha1 = nullptr;
  EVP_MAC_CTX* hmac_sha256 = nullptr;
  EVP_MAC_CTX* hmac_sha384 = nullptr;
  EVP_MAC_CTX* hmac_sha512 = nullptr;

  EVP_MD* digest(HashAlg alg) const;
  EVP_MAC_CTX* hmac(HashAlg alg) const;
};

// crypto_init() and the table; every function of this room starts here.
Result<const Algorithms*> algorithms();

}  // namespace sealedge
