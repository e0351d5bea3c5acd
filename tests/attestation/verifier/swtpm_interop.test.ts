/**
 * Verifier and key release against a TPM driven by stock tpm2-tools only: no code of our device side is involved. Commands:
 * TPM2_CreatePrimary, Quote, Certify, NV_Certify, ActivateCredential, Import, Load, VerifySignature, Policy*, Unseal.
 */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { approveState } from '../../../attestation/key_release/approvals.js';
import { approveLease } from '../../../attestation/key_release/lease.js';
import { makeCredential } from '../../../attestation/key_release/make_credential.js';
import { wrapToStorageKey } from '../../../attestation/key_release/wrap.js';
import { approvalKey } from '../../../attestation/protocol/approval_key.js';
import { keyAuthPolicy, refLease } from '../../../attestation/protocol/key_policy.js';
import { u16 } from '../../../attestation/tpm/byte_writer.js';
import { selectPcrs } from '../../../attestation/tpm/pcr_selection.js';
import { verifyEk } from '../../../attestation/verifier/endorsements.js';
import { attestationKeyOf, checkAk, checkCounter, checkStorageKey } from '../../../attestation/verifier/templates.js';
import { verifyCertify, verifyCounterCertify, verifyQuote } from '../../../attestation/verifier/verify.js';
import { describeUnless, noSwtpm } from '../../support/requirements.js';
import { Swtpm } from '../../support/swtpm.js';
import { parseTpm2ToolsPcrs } from '../../support/tpm2_tools_pcrs.js';

const COUNTER_INDEX = '0x01805ea1';
const COUNTER_FLAGS = 'authread|authwrite|no_da|read_stclear|nt=counter';

const sized = (bytes: Uint8Array): Buffer => Buffer.concat([u16(bytes.length), bytes]);

describeUnless(noSwtpm)('verifier and stock tpm2-tools on swtpm', () => {
  let tpm: Swtpm;
  const file = (name: string): string => join(tpm.directory, name);
  const read = (name: string): Buffer => readFileSync(file(name));
  const write = (name: string, bytes: Uint8Array): void => writeFileSync(file(name), bytes);
  /** Without a resource manager each tool leaves its objects in the TPM's three slots; sessions are to stay. */
  const tpm2 = async (...command: [string, ...string[]]): Promise<string> => {
    const output = await tpm.tool(...command);
    await tpm.tool('tpm2_flushcontext', '-t');
    return output;
  };
  /** Files of tpm2-tools hold TPM2Bs; messages hold their buffers. */
  const buffer = (name: string): Buffer => read(name).subarray(2);

  beforeAll(async () => {
    tpm = await Swtpm.start({ p256EkCertificate: true });
    // AK and storage key as PROTOCOL.md asks for them, made by name of the attributes.
    const common = ['-g', 'sha256'];
    const akAttributes = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|sign';
    await tpm2(
      'tpm2_createprimary',
      ...common,
      '-C',
      'e',
      '-G',
      'ecc256:ecdsa-sha256:null',
      '-a',
      akAttributes,
      '-c',
      'ak.ctx',
    );
    await tpm2('tpm2_readpublic', '-c', 'ak.ctx', '-o', 'ak.pub', '-n', 'ak.name');
    const srkAttributes = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt';
    await tpm2(
      'tpm2_createprimary',
      ...common,
      '-C',
      'o',
      '-G',
      'ecc256:null:aes128cfb',
      '-a',
      srkAttributes,
      '-c',
      'srk.ctx',
    );
    await tpm2('tpm2_readpublic', '-c', 'srk.ctx', '-o', 'srk.pub');
    await tpm2('tpm2_nvdefine', COUNTER_INDEX, '-C', 'o', '-a', COUNTER_FLAGS);
    await tpm2('tpm2_nvincrement', COUNTER_INDEX);
  }, 60_000);
  afterAll(() => tpm?.stop());

  const attestationKey = () => attestationKeyOf(checkAk(buffer('ak.pub')));

  it.each([
    ['RSA 2048', 'rsa', '0x01c00002'],
    ['ECC P-256', 'ecc', '0x01c0000a'],
    ['ECC P-384', 'ecc384', '0x01c00016'],
  ])('%s: EK certificate chains to the CA, and its TPM answers our credential', async (name, algorithm, index) => {
    const id = algorithm;
    if (algorithm === 'ecc384') await createP384Ek();
    else await tpm2('tpm2_createek', '-G', algorithm, '-c', `${id}.ctx`);
    await tpm2('tpm2_readpublic', '-c', `${id}.ctx`, '-o', `${id}.pub`);
    await tpm2('tpm2_nvread', index, '-o', `${id}.der`);
    const { root, issuer } = tpm.caCertificates;
    const trust = { roots: [root], intermediates: [issuer] };
    const { ekPublic, chain } = verifyEk([read(`${id}.der`)], buffer(`${id}.pub`), trust, new Date());
    expect(chain, name).toHaveLength(3);

    const secret = randomBytes(32);
    const { name: akName } = checkAk(buffer('ak.pub'));
    expect(akName.equals(read('ak.name'))).toBe(true);
    const { credentialBlob, encryptedSecret } = makeCredential(ekPublic, akName, secret);
    const header = Buffer.from('badcc0de00000001', 'hex');
    write('credential', Buffer.concat([header, sized(credentialBlob), sized(encryptedSecret)]));
    const activate = ['-c', 'ak.ctx', '-C', `${id}.ctx`, '-i', 'credential', '-o', 'secret'];
    if (id === 'ecc384') {
      // Templates of the high range set userWithAuth: the empty authValue opens them.
      await tpm2('tpm2_activatecredential', ...activate);
    } else {
      await tpm2('tpm2_startauthsession', '--policy-session', '-S', 's');
      await tpm2('tpm2_policysecret', '-S', 's', '-c', 'e');
      await tpm2('tpm2_activatecredential', ...activate, '-P', 'session:s');
      await tpm2('tpm2_flushcontext', 's');
    }
    expect(read('secret').equals(secret)).toBe(true);
  });

  it('accepts a quote by tpm2_quote and tells what is wrong with one over other PCRs', async () => {
    const nonce = randomBytes(32);
    const quote = async (pcrs: string) => {
      const options = [
        '-c',
        'ak.ctx',
        '-l',
        `sha256:${pcrs}`,
        '-q',
        nonce.toString('hex'),
        '-m',
        'attest',
        '-s',
        'sig',
        '-o',
        'pcrs',
      ];
      await tpm2('tpm2_quote', ...options, '-F', 'serialized');
      return [{ attest: read('attest'), signature: read('sig') }, parseTpm2ToolsPcrs(read('pcrs'))] as const;
    };
    const selection = selectPcrs(0x000b, [0, 1, 7, 16]);
    const [signed, pcrs] = await quote('0,1,7,16');
    const { values, attest } = verifyQuote(signed, pcrs, attestationKey(), nonce, selection);
    expect(values.get(0x000b)?.size).toBe(4);
    expect(attest.clockInfo.resetCount).toBeLessThan(1000);
    const [other, otherPcrs] = await quote('0,1,7');
    expect(() => verifyQuote(other, otherPcrs, attestationKey(), nonce, selection)).toThrowError(
      /quoted PCRs: expected sha256:0,1,7,16, got sha256:0,1,7/,
    );
  });

  it('accepts tpm2_certify of the storage key and tpm2_nvcertify of the counter', async () => {
    const nonce = randomBytes(32);
    const storage = checkStorageKey(buffer('srk.pub'));
    await tpm2('tpm2_certify', '-c', 'srk.ctx', '-C', 'ak.ctx', '-g', 'sha256', '-o', 'cert', '-s', 'cert.sig');
    const certified = { attest: read('cert'), signature: read('cert.sig') };
    // tpm2_certify cannot be told a nonce; its fixed one shows here.
    const fixed = Buffer.from('00ff55aa', 'hex');
    expect(() => verifyCertify(certified, storage, attestationKey(), nonce)).toThrowError(/extraData/);
    verifyCertify(certified, storage, attestationKey(), fixed);

    const nvPublic = await counterPublic();
    const counter = checkCounter(nvPublic);
    const options = [
      '-C',
      'ak.ctx',
      '-c',
      COUNTER_INDEX,
      '-g',
      'sha256',
      '-q',
      nonce.toString('hex'),
      '--size',
      '8',
      '--offset',
      '0',
    ];
    await tpm2('tpm2_nvcertify', ...options, '-o', 'nv.sig', '--attestation', 'nv', COUNTER_INDEX);
    const value = verifyCounterCertify(
      { attest: read('nv'), signature: read('nv.sig') },
      counter.name,
      attestationKey(),
      nonce,
    );
    expect(value).toBeGreaterThan(0n);
  });

  it('imports our duplicate, and unseals it with our approvals and policy alone', async () => {
    const { privateKey: stateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const { privateKey: leaseKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const keys = { state: approvalKey(stateKey), lease: approvalKey(leaseKey) };
    const { name: akName } = checkAk(buffer('ak.pub'));
    const counter = checkCounter(await counterPublic());
    const limit = BigInt(await counterValue());
    const keyId = randomBytes(32);
    const ref = refLease(akName, keyId);
    const authPolicy = keyAuthPolicy(keys.lease.name, ref);
    const payload = randomBytes(104);
    const duplicate = wrapToStorageKey(buffer('srk.pub'), authPolicy, payload);
    write('dup.pub', sized(duplicate.public));
    write('dup.priv', sized(duplicate.duplicate));
    write('dup.seed', sized(duplicate.encryptedSeed));
    await tpm2('tpm2_import', '-C', 'srk.ctx', '-u', 'dup.pub', '-i', 'dup.priv', '-s', 'dup.seed', '-r', 'key.priv');
    await tpm2('tpm2_load', '-C', 'srk.ctx', '-u', 'dup.pub', '-r', 'key.priv', '-c', 'key.ctx', '-n', 'key.name');
    expect(read('key.name').equals(duplicate.name)).toBe(true);

    const pcrs = new Map([16, 23].map((pcr) => [pcr, Buffer.alloc(32)]));
    const state = approveState({ fleet: 'bakery', epoch: 3n, bank: 'sha256', pcrs }, stateKey);
    const subject = {
      akName,
      keyId,
      counterName: counter.name,
      stateKeyName: keys.state.name,
      fleet: 'bakery',
      epoch: 3n,
    };
    const lease = approveLease(subject, { counterLimit: limit, clockLimit: 1n << 40n, resetLimit: 1000 }, leaseKey);
    const approvals = { state, lease };
    for (const which of ['state', 'lease'] as const) {
      const bytes = (field: 'approvedPolicy' | 'policyRef' | 'signature') =>
        Buffer.from(approvals[which][field], 'base64url');
      write(`${which}.pub`, sized(keys[which].public));
      write(`${which}.policy`, bytes('approvedPolicy'));
      write(`${which}.ref`, bytes('policyRef'));
      write(`${which}.message`, Buffer.concat([bytes('approvedPolicy'), bytes('policyRef')]));
      write(`${which}.sig`, bytes('signature'));
      await tpm2('tpm2_loadexternal', '-C', 'o', '-u', `${which}.pub`, '-c', `${which}.ctx`, '-n', `${which}.name`);
      expect(read(`${which}.name`).equals(keys[which].name)).toBe(true);
      const options = ['-c', `${which}.ctx`, '-g', 'sha256', '-m', `${which}.message`, '-s', `${which}.sig`];
      await tpm2('tpm2_verifysignature', ...options, '-t', `${which}.ticket`);
    }
    const authorize = (which: string) =>
      tpm2(
        'tpm2_policyauthorize',
        '-S',
        's',
        '-i',
        `${which}.policy`,
        '-q',
        `${which}.ref`,
        '-n',
        `${which}.name`,
        '-t',
        `${which}.ticket`,
      );
    const session = async (): Promise<void> => {
      await tpm2('tpm2_startauthsession', '--policy-session', '-S', 's');
      await tpm2('tpm2_policypcr', '-S', 's', '-l', 'sha256:16,23');
      await authorize('state');
      write('limit', Buffer.from(limit.toString(16).padStart(16, '0'), 'hex'));
      await tpm2('tpm2_policynv', '-S', 's', '-i', 'limit', COUNTER_INDEX, 'ule');
      await tpm2('tpm2_policycountertimer', '-S', 's', '--ule', `clock=${1n << 40n}`);
      await tpm2('tpm2_policycountertimer', '-S', 's', '--ule', 'resets=1000');
      await authorize('lease');
      await tpm2('tpm2_policycommandcode', '-S', 's', 'TPM2_CC_Unseal');
    };
    await session();
    await tpm2('tpm2_unseal', '-c', 'key.ctx', '-p', 'session:s', '-o', 'payload');
    expect(createHash('sha256').update(read('payload')).digest()).toEqual(
      createHash('sha256').update(payload).digest(),
    );
    await tpm2('tpm2_flushcontext', 's');

    // The other way round: a moved counter, then an unapproved PCR.
    await tpm2('tpm2_nvincrement', COUNTER_INDEX);
    await expect(session()).rejects.toThrow(/policynv|0x126/i);
    await tpm2('tpm2_flushcontext', 's');
    await tpm2('tpm2_pcrextend', `16:sha256=${'11'.repeat(32)}`);
    await tpm2('tpm2_startauthsession', '--policy-session', '-S', 's');
    await tpm2('tpm2_policypcr', '-S', 's', '-l', 'sha256:16,23');
    await expect(authorize('state')).rejects.toThrow(/policyauthorize|0x1C4/i);
    await tpm2('tpm2_flushcontext', 's');
  });

  /** TCG EK Credential Profile 2.5, template H-3: nameAlg SHA-384, PolicyB for SHA-384, unique empty. */
  async function createP384Ek(): Promise<void> {
    const policy = 'b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419cacb47ba09699646150f9fc000f3f80e12';
    write('policy_b', Buffer.from(policy, 'hex'));
    const attributes = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|adminwithpolicy|restricted|decrypt';
    const options = ['-C', 'e', '-g', 'sha384', '-G', 'ecc384:null:aes256cfb', '-L', 'policy_b', '-a', attributes];
    await tpm2('tpm2_createprimary', ...options, '-c', 'ecc384.ctx');
  }

  async function counterPublic(): Promise<Buffer> {
    const text = await tpm2('tpm2_nvreadpublic', COUNTER_INDEX);
    const attributes = Number(/value: (0x[0-9A-Fa-f]+)/.exec(text.slice(text.indexOf('attributes')))?.[1]);
    const out = Buffer.from('01805ea1000b0000000000000008', 'hex');
    out.writeUInt32BE(attributes, 6);
    return out;
  }

  async function counterValue(): Promise<string> {
    await tpm2('tpm2_nvread', COUNTER_INDEX, '-o', 'counter');
    return read('counter').readBigUInt64BE().toString();
  }
});
