/** The publisher's signing key: ECDSA P-256, PKCS #8 PEM; its public half is SPKI PEM. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { UsageError } from '../errors.js';

export interface PublisherKeyPair {
  /** PKCS #8 PEM, secret. */
  privateKeyPem: string;
  publicKeyPem: string;
}

/** As text from the generator: the KeyObjects that it hands out may stop Node 20 for ever (attestation/service/identity.ts). */
export function generatePublisherKey(): PublisherKeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return { privateKeyPem: privateKey, publicKeyPem: publicKey };
}

/** @throws UsageError `ERR_OPTION_INVALID` unless `pem` is a P-256 private key */
export function parsePublisherPrivateKey(pem: string | Buffer): KeyObject {
  return requireP256(() => createPrivateKey(pem), 'private');
}

/** @throws UsageError `ERR_OPTION_INVALID` unless `pem` is a P-256 public key */
export function parsePublisherPublicKey(pem: string | Buffer): KeyObject {
  return requireP256(() => createPublicKey(pem), 'public');
}

/** The SPKI of either half: DER, uncompressed point, 91 bytes. */
export function publisherSpki(key: KeyObject): Buffer {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return publicKey.export({ format: 'der', type: 'spki' });
}

function requireP256(read: () => KeyObject, half: string): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch (cause) {
    throw new UsageError('ERR_OPTION_INVALID', `publisher key: expected a PEM ${half} key`, { cause });
  }
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new UsageError('ERR_OPTION_INVALID', `publisher key: expected an ECDSA P-256 ${half} key`);
  }
  return key;
}
