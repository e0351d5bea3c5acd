/* A secret that crosses between addons of one process (node-tpm2-tss hands an unsealed key to sealedge) without
 * entering the JavaScript heap. Plain C, versioned: the two addons are built and shipped apart (design decision 16).
 *
 * In JavaScript it is an object tagged with kSecretHandleTypeTag (napi_type_tag_object) that wraps
 * (napi_wrap) a pointer to this struct. A receiver checks the tag, then abi and size, calls retain, and calls release
 * when done. data stays valid while at least one reference is held. The allocating addon is the single owner: it wipes
 * and frees at zero. retain and release may be called from any thread. */
#ifndef SEALEDGE_MEMORY_SECRET_HANDLE_H_
#define SEALEDGE_MEMORY_SECRET_HANDLE_H_

#include <stddef.h>
#include <stdint.h>

#define SEALEDGE_SECRET_HANDLE_ABI 1u
/* napi_type_tag {lower, upper} of the wrapping JavaScript object. */
#define SEALEDGE_SECRET_HANDLE_TAG_LOWER 0x5345414c45444745ull /* "SEALEDGE" */
#define SEALEDGE_SECRET_HANDLE_TAG_UPPER 0x5345435245545631ull /* "SECRETV1" */

typedef struct sealedge_secret_handle {
  uint32_t abi;        /* SEALEDGE_SECRET_HANDLE_ABI */
  uint32_t size_bytes; /* sizeof(struct sealedge_secret_handle), for later growth at the end */
  const uint8_t* data; /* in secret memory of the owner */
  size_t length_bytes;
  void (*retain)(struct sealedge_secret_handle*);
  void (*release)(struct sealedge_secret_handle*);
} sealedge_secret_handle;

#endif /* SEALEDGE_MEMORY_SECRET_HANDLE_H_ */
