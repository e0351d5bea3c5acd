/**
 * What a salted TPM session has that a recording of the bus has not (TPM 2.0 Part 1, 19.6.8 and 21.3), for a test that knows the
 * private part of the key it was salted to. Derived from the traffic alone: nothing is asked of the code under test.
 */
import { constants, createECDH, type KeyObject, privateDecrypt } from 'node:crypto';
import { kdfa, kdfe } from '../../attestation/key_release/kdf.js';
import { ByteReader } from '../../attestation/tpm/byte_reader.js';
import { TPM_ALG_SHA256 } from '../../attestation/tpm/constants.js';
import { hmacProbes, keyMaterial, roundKeyProbes, unique } from './key_probes.js';
import type { Probe } from './probe_search.js';

/** One command and its response as they crossed the bus. */
export interface Crossing {
  command: Uint8Array;
  response?: Uint8Array;
}

const HEADER_BYTES = 10;
const HANDLE_BYTES = 4;
const P256_BYTES = 32;
const MAX_SIZED = 512;
const SESSION_KEY_BITS = 256;
/** AES-128 key and its initialization vector. */
const CFB_BITS = 256;

/** The salt of a TPM2_StartAuthSession whose authHash is SHA-256, and what it came from. */
export function saltOf({ command }: Crossing, tpmKey: KeyObject): { salt: Buffer; probes: Probe[] } {
  const reader = new ByteReader(command, 'TPM2_StartAuthSession');
  reader.bytes(HEADER_BYTES + 2 * HANDLE_BYTES, 'header, tpmKey, bind');
  reader.sized('nonceCaller', MAX_SIZED);
  const encryptedSalt = reader.sized('encryptedSalt', MAX_SIZED);
  if (tpmKey.asymmetricKeyType === 'rsa') {
    const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256', oaepLabel: Buffer.from('SECRET\0') };
    const salt = privateDecrypt({ key: tpmKey, ...oaep }, encryptedSalt);
    return { salt, probes: saltProbes(salt) };
  }
  const { x = '', d = '' } = tpmKey.export({ format: 'jwk' });
  const point = new ByteReader(encryptedSalt, 'TPMS_ECC_POINT');
  const ephemeral = [point.sized('x', MAX_SIZED), point.sized('y', MAX_SIZED)].map((coordinate) =>
    leftPadded(coordinate, P256_BYTES),
  );
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(Buffer.from(d, 'base64url'));
  const z = ecdh.computeSecret(Buffer.concat([Buffer.of(4), ...ephemeral]));
  const [ephemeralX = Buffer.alloc(0)] = ephemeral;
  const salt = kdfe(TPM_ALG_SHA256, z, 'SECRET', ephemeralX, Buffer.from(x, 'base64url'), SESSION_KEY_BITS);
  return { salt, probes: unique([...keyMaterial('shared point Z.x', z), ...saltProbes(salt)]) };
}

/** KDFa keys an HMAC with the salt: the state that leaves behind is as good as the salt. */
function saltProbes(salt: Buffer): Probe[] {
  return [...keyMaterial('salt', salt), ...hmacProbes('salt', salt)];
}

/** sessionKey = KDFa(SHA-256, salt, "ATH", nonceTPM, nonceCaller, 256), of a session bound to nothing. */
export function sessionKeyOf({ command, response }: Crossing, salt: Buffer): { sessionKey: Buffer; probes: Probe[] } {
  const sent = new ByteReader(command, 'TPM2_StartAuthSession');
  sent.bytes(HEADER_BYTES + 2 * HANDLE_BYTES, 'header, tpmKey, bind');
  const nonceCaller = sent.sized('nonceCaller', MAX_SIZED);
  const got = new ByteReader(response as Uint8Array, 'response of TPM2_StartAuthSession');
  got.bytes(HEADER_BYTES + HANDLE_BYTES, 'header, sessionHandle');
  const sessionKey = kdfa(TPM_ALG_SHA256, salt, 'ATH', got.sized('nonceTPM', MAX_SIZED), nonceCaller, SESSION_KEY_BITS);
  const probes = [...keyMaterial('session key', sessionKey), ...hmacProbes('session key', sessionKey)];
  return { sessionKey, probes: unique(probes) };
}

/** What decrypted the first parameter of a response: KDFa(SHA-256, sessionKey, "CFB", nonceTPM, nonceCaller, 256). */
export function responseKeyOf({ command, response }: Crossing, sessionKey: Buffer): Probe[] {
  const sent = new ByteReader(command, 'command with one handle and one session');
  sent.bytes(HEADER_BYTES + HANDLE_BYTES + 4 + HANDLE_BYTES, 'header, handle, authorizationSize, sessionHandle');
  const nonceCaller = sent.sized('nonceCaller', MAX_SIZED);
  const got = new ByteReader(response as Uint8Array, 'response with one session');
  got.bytes(HEADER_BYTES, 'header');
  got.bytes(got.u32('parameterSize'), 'parameters');
  const keyAndIv = kdfa(TPM_ALG_SHA256, sessionKey, 'CFB', got.sized('nonceTPM', MAX_SIZED), nonceCaller, CFB_BITS);
  const key = keyAndIv.subarray(0, 16);
  return unique([...keyMaterial('parameter key', key), ...roundKeyProbes('parameter key', key)]);
}

function leftPadded(bytes: Uint8Array, size: number): Buffer {
  return Buffer.concat([Buffer.alloc(size - bytes.length), bytes]);
}
