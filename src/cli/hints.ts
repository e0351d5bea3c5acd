/** What to do about an error: the line below it. */

const HINTS: Readonly<Record<string, string>> = {
  ERR_NATIVE_MISSING: 'build the native addon with `npm run build`',
  ERR_HEADER_MALFORMED: 'is this a file made by `sealedge seal`?',
  ERR_VERSION_UNSUPPORTED: 'the file was made by another version of sealedge',
  ERR_ENVELOPE_MALFORMED: 'the file is damaged or was altered; get it again from its publisher',
  ERR_ENVELOPE_NOT_CANONICAL: 'the file is damaged or was altered; get it again from its publisher',
  ERR_SIGNATURE_INVALID: 'the file is damaged or was altered; get it again from its publisher',
  ERR_MANIFEST_INVALID: 'the publisher signed something that this version does not understand',
  ERR_PADDING_INVALID: 'the file is damaged or was altered; get it again from its publisher',
  ERR_LENGTH_MISMATCH: 'something was appended to the file; get it again from its publisher',
  ERR_TRUNCATED: 'the file is cut; copy it again',
  ERR_SEGMENT_AUTH: 'the file is damaged or was altered; get it again from its publisher',
  ERR_PUBLISHER_UNTRUSTED: 'compare the publisher key with the one you were given',
  ERR_KEY_PAYLOAD_INVALID: 'give the file that `sealedge seal --key-out` wrote',
  ERR_NO_MATCHING_KEY: 'the key belongs to another sealing of the model',
  ERR_MODEL_VERSION_TOO_OLD: 'use a newer version of the sealed file',
  ERR_SECRET_MEMORY_EXHAUSTED: 'raise the limit of locked memory (`ulimit -l`, or LimitMEMLOCK= in the service)',
  ERR_TPM_UNAVAILABLE:
    'name the TPM with --tcti or SEALEDGE_TCTI; /dev/tpmrm0 needs the group of the device file (tss)',
  ERR_UNSEAL_POLICY: 'boot an approved state, or get a new lease: sealedge device fetch-key --renew KEYID',
  ERR_EK_CERTIFICATE:
    'the log of the verifier says why; does its policy name the root and the intermediates of the TPM maker?',
  ERR_RELEASE_DENIED: 'the log of the verifier says why, with what was expected and got',
  ERR_OUT_OF_MEMORY: 'free some memory, or load a smaller model',
};

export function hintFor(code: string | undefined, fields: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof fields.hint === 'string') return fields.hint;
  return code === undefined ? undefined : HINTS[code];
}
