/** Every quote of the shared evidence/ and negative-quotes/ vectors, real machines and altered copies, by data alone. */
import { createPublicKey } from 'node:crypto';
import { expect, it } from 'vitest';
import type { PcrValue } from '../../../attestation/protocol/decode.js';
import type { BankName } from '../../../attestation/protocol/messages.js';
import { hashByName } from '../../../attestation/tpm/hash.js';
import type { PcrSelection } from '../../../attestation/tpm/pcr_selection.js';
import { parseTpmsAttest } from '../../../attestation/tpm/tpms_attest.js';
import { verifyQuote } from '../../../attestation/verifier/verify.js';
import { missingAttestationVectors, type VectorFolder, vectorFolders } from '../../support/attestation_vectors.js';
import { describeUnless } from '../../support/requirements.js';
import { parseTpm2ToolsPcrs } from '../../support/tpm2_tools_pcrs.js';

interface Expected {
  verdict: string;
  nonce?: string;
  nonceText?: string;
  nonceSentByVerifier?: string;
  signature?: { hash: string };
  attest?: { extraData: string; pcrSelect: { bank: BankName; pcrs: number[] }[] };
}

type PcrFile = Partial<Record<BankName, Record<string, string>>>;

function pcrValues(vector: VectorFolder, selected: (bank: string, index: number) => boolean): PcrValue[] {
  if (vector.has('pcrs.tpm2_quote_values.bin')) return parseTpm2ToolsPcrs(vector.bytes('pcrs.tpm2_quote_values.bin'));
  if (!vector.has('pcrs.json')) return [];
  return Object.entries(vector.json<PcrFile>('pcrs.json')).flatMap(([bank, values]) =>
    Object.entries(values)
      .map(([index, value]) => ({ bank: bank as BankName, index: Number(index), value: Buffer.from(value, 'hex') }))
      .filter(({ index }) => selected(bank, index)),
  );
}

function selectionOf(banks: readonly { bank: BankName; pcrs: number[] }[]): PcrSelection {
  return banks.map(({ bank, pcrs }) => ({ hash: hashByName(bank)?.id ?? 0, pcrs, selectBytes: 3 }));
}

function signed(vector: VectorFolder): { attest: Buffer; signature: Buffer } {
  const signature = ['signature.tpmt_signature.bin', 'quote.signature.tpmt_signature.bin'].find((file) =>
    vector.has(file),
  );
  return { attest: vector.bytes('quote.tpms_attest.bin'), signature: vector.bytes(signature ?? '') };
}

const akOf = (vector: VectorFolder) => ({ key: createPublicKey(vector.text('ak.pem')) });

describeUnless(missingAttestationVectors)('evidence vectors', () => {
  it('are there', () => expect(vectorFolders('evidence')).not.toHaveLength(0));

  it.each(vectorFolders('evidence').map((vector) => [vector.name, vector] as const))('%s verifies', (_name, vector) => {
    const expected = vector.json<Expected>('expected.json');
    const nonce = expected.nonceText
      ? Buffer.from(expected.nonceText)
      : Buffer.from(expected.nonce ?? expected.attest?.extraData ?? '', 'hex');
    const select = expected.attest?.pcrSelect ?? [];
    const selection = selectionOf(select);
    const pcrs = pcrValues(vector, (bank, index) =>
      select.some((one) => one.bank === bank && one.pcrs.includes(index)),
    );
    const quote = signed(vector);
    const usesSha1 = expected.signature?.hash === 'sha1' || select.some(({ bank }) => bank === 'sha1');
    if (usesSha1) {
      expect(() => verifyQuote(quote, pcrs, akOf(vector), nonce, selection)).toThrowError(
        /expected SHA-256 or stronger/,
      );
    }
    const verify = () => verifyQuote(quote, pcrs, akOf(vector), nonce, selection, { allowSha1: usesSha1 });
    if (pcrs.length === 0) {
      // The source has no PCR values: everything up to the digest must pass.
      expect(verify).toThrowError(expect.objectContaining({ code: 'ERR_PCR_DIGEST' }));
      return;
    }
    const verified = verify();
    expect(verified.selection.map(({ pcrs: numbers }) => numbers)).toEqual(select.map(({ pcrs: numbers }) => numbers));
    // One bit anywhere in the attest breaks the signature; another nonce and another selection are refused as such.
    for (let bit = 0; bit < quote.attest.length * 8; bit += 61) {
      const altered = Buffer.from(quote.attest);
      altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const attempt = () =>
        verifyQuote({ ...quote, attest: altered }, pcrs, akOf(vector), nonce, selection, { allowSha1: true });
      expect(attempt).toThrowError(expect.objectContaining({ code: 'ERR_QUOTE_SIGNATURE' }));
    }
    const otherNonce = Buffer.concat([nonce, Buffer.of(1)]);
    expect(() => verifyQuote(quote, pcrs, akOf(vector), otherNonce, selection, { allowSha1: true })).toThrowError(
      expect.objectContaining({ code: 'ERR_NONCE_MISMATCH' }),
    );
    const fewer = selection.map((bank) => ({ ...bank, pcrs: bank.pcrs.slice(1) }));
    expect(() => verifyQuote(quote, pcrs, akOf(vector), nonce, fewer, { allowSha1: true })).toThrowError(
      expect.objectContaining({ code: 'ERR_PCR_SELECTION' }),
    );
    for (const [i, pcr] of pcrs.entries()) {
      const value = Buffer.from(pcr.value);
      value[0] = (value[0] ?? 0) ^ 1;
      const altered = pcrs.with(i, { ...pcr, value });
      expect(() => verifyQuote(quote, altered, akOf(vector), nonce, selection, { allowSha1: true })).toThrowError(
        expect.objectContaining({ code: 'ERR_PCR_DIGEST' }),
      );
    }
  });

  it.each(vectorFolders('evidence').map((vector) => [vector.name, vector] as const))(
    '%s parses as described',
    (_name, vector) => {
      const { attest: expected } = vector.json<{ attest?: Record<string, unknown> }>('expected.json');
      const attest = parseTpmsAttest(vector.bytes('quote.tpms_attest.bin'));
      expect({
        magic: attest.magic.toString(16),
        qualifiedSigner: Buffer.from(attest.qualifiedSigner).toString('hex'),
        extraData: Buffer.from(attest.extraData).toString('hex'),
        clock: String(attest.clockInfo.clock),
        resetCount: attest.clockInfo.resetCount,
        restartCount: attest.clockInfo.restartCount,
        safe: attest.clockInfo.safe ? 1 : 0,
        firmwareVersion: attest.firmwareVersion.toString(16).padStart(16, '0'),
      }).toEqual(
        Object.fromEntries(
          [
            'magic',
            'qualifiedSigner',
            'extraData',
            'clock',
            'resetCount',
            'restartCount',
            'safe',
            'firmwareVersion',
          ].map((key) => [key, expected?.[key]]),
        ),
      );
    },
  );
});

describeUnless(missingAttestationVectors)('negative-quotes vectors', () => {
  it('are there', () => expect(vectorFolders('negative-quotes')).not.toHaveLength(0));

  /** What a verdict of the collection means here: code and what the message names. */
  const MEANING: readonly [RegExp, string, RegExp][] = [
    [/^refuse: signature/, 'ERR_QUOTE_SIGNATURE', /signature/],
    [/^refuse: nonce/, 'ERR_NONCE_MISMATCH', /extraData/],
    [/^refuse: PCR digest/, 'ERR_PCR_DIGEST', /pcrDigest/],
    [/^refuse: magic/, 'ERR_EVIDENCE_MALFORMED', /magic: expected 0xff544347/],
    [/^refuse: not a quote/, 'ERR_EVIDENCE_MALFORMED', /type: expected TPM_ST_ATTEST_QUOTE, got TPM_ST_ATTEST_CERTIFY/],
    [/^refuse: trailing data/, 'ERR_EVIDENCE_MALFORMED', /no trailing bytes, got 1/],
    [/^refuse: policy PCRs are not quoted/, 'ERR_PCR_SELECTION', /got none/],
    [/PCR 11 is not quoted/, 'ERR_PCR_SELECTION', /expected .*11, got .*10,16/],
    [/^refuse$/, 'ERR_QUOTE_SIGNATURE', /./],
  ];

  it.each(vectorFolders('negative-quotes').map((vector) => [vector.name, vector] as const))(
    '%s is refused',
    (_name, vector) => {
      const { verdict, nonceSentByVerifier = '' } = vector.json<Expected>('expected.json');
      const [, code, message] = MEANING.find(([pattern]) => pattern.test(verdict)) ?? [
        undefined,
        `no meaning: ${verdict}`,
      ];
      const pcrs = pcrValues(vector, () => true);
      // The policy asks for the PCRs whose values came along.
      const selection = selectionOf([{ bank: 'sha256', pcrs: pcrs.map((pcr) => pcr.index) }]);
      const nonce = Buffer.from(nonceSentByVerifier, 'hex');
      const attempt = () => verifyQuote(signed(vector), pcrs, akOf(vector), nonce, selection);
      expect(attempt).toThrowError(expect.objectContaining({ name: 'EvidenceError', code }));
      if (message !== undefined) expect(attempt).toThrowError(message);
    },
  );
});
