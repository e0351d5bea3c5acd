/**
 * Byte parsers of the verifier under fast-check: arbitrary bytes and mutations of real structures. Whatever comes, a parser
 * answers with a value or with ERR_EVIDENCE_MALFORMED; what it accepts it re-encodes to the same bytes.
 *
 * Few cases by default; SEALEDGE_FUZZ_RUNS=100000 for many.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEnrolProof, decodeEnrolRequest, decodeEvidenceMessage } from '../../attestation/protocol/decode.js';
import { marshalPcrSelection, parsePcrSelection } from '../../attestation/tpm/pcr_selection.js';
import { marshalTpmsAttest, parseTpmsAttest } from '../../attestation/tpm/tpms_attest.js';
import { marshalTpmsNvPublic, parseTpmsNvPublic } from '../../attestation/tpm/tpms_nv_public.js';
import { marshalTpmtPublic, parseTpmtPublic } from '../../attestation/tpm/tpmt_public.js';
import { marshalTpmtSignature, parseTpmtSignature } from '../../attestation/tpm/tpmt_signature.js';
import { parseCertificate } from '../../attestation/verifier/certificate.js';
import { validateEar } from '../../attestation/verifier/ear.js';
import { EvidenceError } from '../../src/errors.js';
import { missingAttestationVectors, vectorFolders } from '../support/attestation_vectors.js';
import { makeCa } from '../support/certificates.js';
import { COUNTER, SoftwareAttester, STORAGE_KEY_AREA, softwareKey } from '../support/software_attester.js';

const numRuns = Number(process.env.SEALEDGE_FUZZ_RUNS ?? 500);
const device = new SoftwareAttester();
const nonce = Buffer.alloc(32, 1);

function vectors(suffix: RegExp): Buffer[] {
  if (missingAttestationVectors !== undefined) return [];
  return ['evidence', 'negative-quotes', 'ek-certs']
    .flatMap(vectorFolders)
    .flatMap((vector) => vector.files().flatMap((file) => (suffix.test(file) ? [vector.bytes(file)] : [])));
}

interface Target {
  name: string;
  seeds: Buffer[];
  /** Parse and, where an encoder exists, encode. */
  run: (bytes: Buffer) => Buffer | undefined;
}

const targets: Target[] = [
  {
    name: 'TPMS_ATTEST',
    seeds: [
      device.quote(nonce, [0, 7]).attest,
      device.certify(device.ak, nonce).attest,
      device.certifyCounter(nonce).attest,
      ...vectors(/attest\.bin$/),
    ],
    run: (bytes) => marshalTpmsAttest(parseTpmsAttest(bytes)),
  },
  {
    name: 'TPMT_PUBLIC',
    seeds: [device.ak.public, softwareKey(STORAGE_KEY_AREA).public, ...vectors(/tpmt_public\.bin$/)],
    run: (bytes) => marshalTpmtPublic(parseTpmtPublic(bytes)),
  },
  {
    name: 'TPMT_SIGNATURE',
    seeds: [device.quote(nonce, [0]).signature, ...vectors(/signature\.bin$/)],
    run: (bytes) => marshalTpmtSignature(parseTpmtSignature(bytes)),
  },
  {
    name: 'TPMS_NV_PUBLIC',
    seeds: [marshalTpmsNvPublic(COUNTER)],
    run: (bytes) => marshalTpmsNvPublic(parseTpmsNvPublic(bytes)),
  },
  {
    name: 'TPML_PCR_SELECTION',
    seeds: [Buffer.from('00000002000403ffffff000b03810000', 'hex')],
    run: (bytes) => marshalPcrSelection(parsePcrSelection(bytes)),
  },
  {
    name: 'X.509 certificate',
    seeds: [makeCa('root').der, ...vectors(/ek-cert\.der$/)],
    run: (bytes) => {
      parseCertificate(bytes, 'certificate');
      return undefined;
    },
  },
];

/** Flips, cuts, inserts, overwrites: the neighbourhood of something real, where length fields start to lie. */
function mutated(seeds: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const step = fc.record({
    at: fc.nat(),
    kind: fc.integer({ min: 0, max: 4 }),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 4 }),
  });
  return fc.tuple(fc.constantFrom(...seeds), fc.array(step, { minLength: 1, maxLength: 4 })).map(([seed, steps]) =>
    steps.reduce((bytes, { at, kind, bytes: patch }) => {
      const offset = bytes.length === 0 ? 0 : at % bytes.length;
      const before = bytes.subarray(0, offset);
      switch (kind) {
        case 0:
          return before;
        case 1:
          return Buffer.concat([before, patch, bytes.subarray(offset)]);
        case 2:
          return Buffer.concat([before, bytes.subarray(offset + patch.length)]);
        default:
          return Buffer.concat([before, patch, bytes.subarray(offset + patch.length)]);
      }
    }, Buffer.from(seed)),
  );
}

const arbitrary = fc.uint8Array({ maxLength: 256 }).map((bytes) => Buffer.from(bytes));

function survives(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    if (error instanceof EvidenceError && error.code === 'ERR_EVIDENCE_MALFORMED') return undefined;
    throw error;
  }
}

describe.each(targets)('$name', ({ seeds, run }) => {
  it('accepts its seeds, and answers anything else in kind', () => {
    fc.assert(
      fc.property(fc.oneof({ weight: 4, arbitrary: mutated(seeds) }, { weight: 1, arbitrary }), (bytes) => {
        const copy = Buffer.from(bytes);
        const again = survives(() => run(bytes));
        if (again !== undefined) expect(again).toEqual(copy);
        expect(bytes).toEqual(copy);
      }),
      { numRuns },
    );
  });
});

describe('JSON', () => {
  it.each([
    ['EnrolRequest', decodeEnrolRequest],
    ['EnrolProof', decodeEnrolProof],
    ['EvidenceMessage', decodeEvidenceMessage],
    ['EAR', (value: unknown) => validateEar(value)],
  ] as const)('%s: any value is refused in kind', (_name, decode) => {
    const names = [
      'protocol',
      'fleet',
      'quote',
      'pcrs',
      'submods',
      'eat_profile',
      'iat',
      'storageKey',
      'ekCertificates',
      '__proto__',
    ];
    const shaped = fc.dictionary(fc.constantFrom(...names), fc.jsonValue(), { maxKeys: 10 });
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), shaped), (value) => {
        survives(() => decode(value));
      }),
      { numRuns },
    );
  });
});
