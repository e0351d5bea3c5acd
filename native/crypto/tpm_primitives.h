// What a TPM session needs from crypto: KDFa and KDFe (Part 1, 11.4.10), AES-CFB (Part 1, 11.4.8) and the secret
// exchange that salts a session (Part 1, B.10 RSAES-OAEP, C.6.1 ECDH). Every secret is read from and written to caller
// memory.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "crypto/digest.h"

namespace sealedge {

// KDFa(hashAlg, key, label, contextU, contextV, bits); label without its terminating zero. bits = 8 * out.size().
Result<void> kdfa(HashAlg alg, std::span<const uint8_t> key, std::string_view label, std::span<const uint8_t> context_u,
                  std::span<const uint8_t> context_v, std::span<uint8_t> out);
// KDFe(hashAlg, Z, label, PartyUInfo, PartyVInfo, bits).
Result<void> kdfe(HashAlg alg, std::span<const uint8_t> z, std::string_view label, std::span<const uint8_t> party_u,
                  std::span<const uint8_t> party_v, std::span<uint8_t> out);
// In place; key is 16 or 32 bytes, iv 16 bytes.
Result<void> aes_cfb_encrypt(std::span<const uint8_t> key, std::span<const uint8_t> iv, std::span<uint8_t> data);
Result<void> aes_cfb_decrypt(std::span<const uint8_t> key, std::span<const uint8_t> iv, std::span<uint8_t> data);
// RSAES-OAEP with MGF1 of the same hash; label includes its terminating zero ("SECRET\0"). exponent 0 means 65537.
Result<std::vector<uint8_t>> rsa_oaep_encrypt(std::span<const uint8_t> modulus, uint32_t exponent, HashAlg alg,
                                              std::span<const uint8_t> label, std::span<const uint8_t> secret);
struct EcPoint {
  std::vector<uint8_t> x, y;  // big endian, padded to the field size
};
// tpm_curve: TPM_ECC_NIST_P256 (0x0003) or TPM_ECC_NIST_P384 (0x0004). The peer point is checked to be on the curve.
// z_x: the x coordinate of the shared point, field size bytes, in secret memory. Returns the ephemeral public point.
Result<EcPoint> ecdh_ephemeral(uint16_t tpm_curve, const EcPoint& peer, std::span<uint8_t> z_x);

}  // namespace sealedge
