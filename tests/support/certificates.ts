/** X.509 certificates made on the spot, so that any field of them can be wrong. Just enough DER. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

const tlv = (tag: number, ...content: Uint8Array[]): Buffer => {
  const body = Buffer.concat(content);
  const length =
    body.length < 0x80
      ? Buffer.of(body.length)
      : body.length < 0x100
        ? Buffer.of(0x81, body.length)
        : Buffer.of(0x82, body.length >> 8, body.length & 0xff);
  return Buffer.concat([Buffer.of(tag), length, body]);
};
const sequence = (...content: Uint8Array[]): Buffer => tlv(0x30, ...content);
const TRUE = tlv(0x01, Buffer.of(0xff));

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const arcs = [first * 40 + second, ...rest].map((arc) => {
    const bytes = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) bytes.unshift((left & 0x7f) | 0x80);
    return Buffer.from(bytes);
  });
  return tlv(0x06, ...arcs);
}

type KeyUsageBit = 'digitalSignature' | 'keyEncipherment' | 'keyAgreement' | 'keyCertSign';
const KEY_USAGE_BITS: Record<KeyUsageBit, number> = {
  digitalSignature: 0,
  keyEncipherment: 2,
  keyAgreement: 4,
  keyCertSign: 5,
};

export interface CertificateOptions {
  subject: string;
  publicKey: KeyObject;
  issuer: { subject: string; privateKey: KeyObject };
  notBefore?: Date;
  notAfter?: Date;
  ca?: boolean;
  pathLength?: number;
  keyUsage?: readonly KeyUsageBit[];
  extendedKeyUsage?: readonly string[];
  /** More extensions by object identifier: critical ones. */
  critical?: readonly string[];
  /** Repeats the basic constraints. */
  duplicateExtension?: boolean;
  hash?: 'sha256' | 'sha1';
}

/** DER. Signed with ECDSA, so issuers have EC keys. */
export function makeCertificate(options: CertificateOptions): Buffer {
  const algorithm = sequence(oid(options.hash === 'sha1' ? '1.2.840.10045.4.1' : '1.2.840.10045.4.3.2'));
  const attribute = (text: string): Buffer => tlv(0x31, sequence(oid('2.5.4.3'), tlv(0x0c, Buffer.from(text))));
  // EK certificates usually have an empty subject.
  const name = (text: string): Buffer => sequence(...(text === '' ? [] : [attribute(text)]));
  const tbs = sequence(
    tlv(0xa0, tlv(0x02, Buffer.of(2))),
    tlv(0x02, Buffer.of(1)),
    algorithm,
    name(options.issuer.subject),
    sequence(time(options.notBefore ?? new Date('2020-01-01')), time(options.notAfter ?? new Date('2040-01-01'))),
    name(options.subject),
    options.publicKey.export({ format: 'der', type: 'spki' }),
    tlv(0xa3, sequence(...extensions(options))),
  );
  const signature = sign(options.hash ?? 'sha256', tbs, options.issuer.privateKey);
  return sequence(tbs, algorithm, tlv(0x03, Buffer.of(0), signature));
}

function extensions(options: CertificateOptions): Buffer[] {
  const extension = (id: string, value: Buffer): Buffer => sequence(oid(id), TRUE, tlv(0x04, value));
  const constraints = extension(
    '2.5.29.19',
    sequence(
      ...(options.ca ? [TRUE] : []),
      ...(options.pathLength === undefined ? [] : [tlv(0x02, Buffer.of(options.pathLength))]),
    ),
  );
  const list = options.duplicateExtension ? [constraints, constraints] : [constraints];
  if (options.keyUsage) {
    let bits = 0;
    for (const bit of options.keyUsage) bits |= 0x80 >> KEY_USAGE_BITS[bit];
    list.push(extension('2.5.29.15', tlv(0x03, Buffer.of(0, bits))));
  }
  if (options.extendedKeyUsage) list.push(extension('2.5.29.37', sequence(...options.extendedKeyUsage.map(oid))));
  for (const id of options.critical ?? []) list.push(extension(id, sequence()));
  return list;
}

function time(date: Date): Buffer {
  const text = date.toISOString().replace(/[-:T]|\.\d+/g, '');
  return tlv(0x18, Buffer.from(text));
}

/** A CA with a P-256 key. */
export function makeCa(
  subject: string,
  options: Partial<CertificateOptions> = {},
): { subject: string; privateKey: KeyObject; der: Buffer } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const own = { subject, privateKey };
  const der = makeCertificate({ subject, publicKey, issuer: own, ca: true, keyUsage: ['keyCertSign'], ...options });
  return { ...own, der };
}
