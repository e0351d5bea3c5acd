/** Faults of the envelope and its signature. The statement inside is right. */
import { canonicalJson } from '../../src/container/canonical_json.js';
import { toHighS } from './deterministic_ecdsa.js';
import { type Json, OTHER_PUBLISHER, PUBLISHER } from './forge.js';
import type { ScenarioSpec } from './scenarios.js';

export function envelopeScenarios(): ScenarioSpec[] {
  return [...spelling(), ...encoding(), ...schema(), ...signature()];
}

function text(name: string, comment: string, expect: string, edit: (text: string) => string | Buffer): ScenarioSpec {
  return { name: `envelope_${name}`, comment, expect, editEnvelopeText: edit };
}

/** JSON that says the same in another way. */
function spelling(): ScenarioSpec[] {
  const respelled = (name: string, comment: string, edit: (text: string) => string) =>
    text(name, comment, 'ERR_ENVELOPE_NOT_CANONICAL', edit);
  return [
    respelled('space', 'a space after the first colon', (json) => json.replace(':', ': ')),
    respelled('leading_space', 'a space before the envelope', (json) => ` ${json}`),
    respelled('newline', 'a newline at the end', (json) => `${json}\n`),
    respelled('member_order', 'payloadType before payload', (json) => {
      const { payload, payloadType, signatures } = JSON.parse(json);
      return JSON.stringify({ payloadType, payload, signatures });
    }),
    respelled('signature_member_order', 'sig before keyid', (json) => {
      const { payload, payloadType, signatures } = JSON.parse(json);
      const [{ keyid, sig }] = signatures;
      return JSON.stringify({ payload, payloadType, signatures: [{ sig, keyid }] });
    }),
    respelled('duplicate_member', 'payloadType twice, with one value', (json) =>
      json.replace('"signatures"', '"payloadType":"application/vnd.in-toto+json","signatures"'),
    ),
    respelled('escape_letter', 'a letter as a Unicode escape', (json) =>
      json.replace('application', '\\u0061pplication'),
    ),
    respelled('escape_name', 'a letter of a member name as an escape', (json) => json.replace('"sig"', '"s\\u0069g"')),
    respelled('escape_slash', 'a solidus with a backslash', (json) => json.replace('application/', 'application\\/')),
    respelled('lone_surrogate', 'an extra member with half a surrogate pair', (json) =>
      json.replace(/}$/, ',"x":"\\ud83d"}'),
    ),
    respelled('null', 'an extra member that is null', (json) => json.replace(/}$/, ',"x":null}')),
    respelled('fraction', 'an extra member 1.5', (json) => json.replace(/}$/, ',"x":1.5}')),
  ];
}

function encoding(): ScenarioSpec[] {
  const malformed = (name: string, comment: string, edit: (text: string) => string | Buffer) =>
    text(name, comment, 'ERR_ENVELOPE_MALFORMED', edit);
  const recoded = (name: string, comment: string, edit: (envelope: Json) => void): ScenarioSpec => ({
    name: `envelope_${name}`,
    comment,
    expect: 'ERR_ENVELOPE_NOT_CANONICAL',
    editEnvelope: edit,
  });
  const nested = (depth: number) => `,"x":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  return [
    malformed('empty_object_cut', 'not JSON: the last brace is missing', (json) => json.slice(0, -1)),
    malformed('trailing', 'not JSON: a second value', (json) => `${json}{}`),
    malformed('single_quotes', 'not JSON: apostrophes', (json) => json.replaceAll('"', "'")),
    malformed('trailing_comma', 'not JSON: a comma before the last brace', (json) => json.replace(/}$/, ',}')),
    malformed('comment', 'not JSON: a comment', (json) => `${json}/**/`),
    malformed('control_character', 'not JSON: a raw tab in a string', (json) =>
      json.replace('application', '\tapplication'),
    ),
    malformed('byte_order_mark', 'a byte order mark', (json) => `\ufeff${json}`),
    malformed('utf16', 'UTF-16', (json) => Buffer.from(json, 'utf16le')),
    malformed(
      'invalid_utf8',
      'an overlong letter',
      (json) =>
        Buffer.from(json.replace('application', 'Xpplication').replace('X', '\u0001'), 'latin1').map((byte) =>
          byte === 1 ? 0xc1 : byte,
        ) as Buffer,
    ),
    malformed('too_deep', 'an extra member 16 deep, 17 with the envelope', (json) => json.replace(/}$/, nested(16))),
    text('deep', 'an extra member 15 deep: within the limit, but not of the schema', 'ERR_ENVELOPE_MALFORMED', (json) =>
      json.replace(/}$/, nested(15)),
    ),
    recoded('base64_no_padding', 'signature without base64 padding', (envelope) => {
      envelope.signatures[0].sig = envelope.signatures[0].sig.replaceAll('=', '');
    }),
    recoded('base64_url', 'signature in the URL alphabet', (envelope) => {
      const sig: string = envelope.signatures[0].sig;
      // Whatever the signature, the text has a digit of the other alphabet.
      envelope.signatures[0].sig = `-_${sig.slice(2)}`;
    }),
    recoded('base64_space', 'a newline in the payload', (envelope) => {
      envelope.payload = `${envelope.payload.slice(0, 4)}\n${envelope.payload.slice(4)}`;
    }),
    recoded('base64_unused_bits', 'unused bits of the signature are set', (envelope) => {
      const sig: string = envelope.signatures[0].sig;
      const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
      const last = digits.indexOf(sig.charAt(85));
      envelope.signatures[0].sig = `${sig.slice(0, 85)}${digits.charAt(last + 1)}==`;
    }),
    recoded('base64_extra_padding', 'four more padding characters', (envelope) => {
      envelope.signatures[0].sig += '====';
    }),
  ];
}

function schema(): ScenarioSpec[] {
  const wrong = (name: string, comment: string, edit: (envelope: Json) => void): ScenarioSpec => ({
    name: `envelope_${name}`,
    comment,
    expect: 'ERR_ENVELOPE_MALFORMED',
    editEnvelope: edit,
  });
  return [
    wrong('extra_member', 'a member that is not known', (envelope) => {
      envelope.x = true;
    }),
    wrong('missing_member', 'no payloadType', (envelope) => {
      delete envelope.payloadType;
    }),
    wrong('payload_number', 'payload is a number', (envelope) => {
      envelope.payload = 1;
    }),
    wrong('payload_type', 'another payload type', (envelope) => {
      envelope.payloadType = 'application/json';
    }),
    wrong('no_signature', 'an empty list of signatures', (envelope) => {
      envelope.signatures = [];
    }),
    wrong('two_signatures', 'the signature twice', (envelope) => {
      envelope.signatures.push({ ...envelope.signatures[0] });
    }),
    wrong('signature_extra_member', 'a certificate beside the signature', (envelope) => {
      envelope.signatures[0].cert = 'AAAA';
    }),
    wrong('signature_no_keyid', 'no keyid', (envelope) => {
      delete envelope.signatures[0].keyid;
    }),
    wrong('keyid_upper_case', 'keyid in upper case', (envelope) => {
      envelope.signatures[0].keyid = envelope.signatures[0].keyid.toUpperCase();
    }),
    wrong('keyid_short', 'keyid of 31 bytes', (envelope) => {
      envelope.signatures[0].keyid = envelope.signatures[0].keyid.slice(2);
    }),
    {
      name: 'envelope_array',
      comment: 'the envelope is an array',
      expect: 'ERR_ENVELOPE_MALFORMED',
      editEnvelopeText: (json) => canonicalJson([JSON.parse(json)]),
    },
  ];
}

function signature(): ScenarioSpec[] {
  const invalid = (name: string, comment: string, edit: (signature: Buffer) => Buffer): ScenarioSpec => ({
    name: `signature_${name}`,
    comment,
    expect: 'ERR_SIGNATURE_INVALID',
    editSignature: edit,
  });
  const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
  return [
    invalid('flipped', 'one bit of s', (bytes) =>
      Buffer.concat([bytes.subarray(0, 63), Buffer.of((bytes[63] ?? 0) ^ 1)]),
    ),
    invalid('high_s', 'the larger s of the pair: verifies elsewhere', toHighS),
    invalid('zero', 'r and s are zero', () => Buffer.alloc(64)),
    invalid('zero_r', 'r is zero', (bytes) => Buffer.concat([Buffer.alloc(32), bytes.subarray(32)])),
    invalid('r_is_order', 'r is the order of the group', (bytes) => Buffer.concat([order, bytes.subarray(32)])),
    invalid('short', '63 bytes', (bytes) => bytes.subarray(0, 63)),
    invalid('long', '65 bytes', (bytes) => Buffer.concat([bytes, Buffer.of(0)])),
    invalid('empty', 'no byte', () => Buffer.alloc(0)),
    invalid('der', 'as a DER sequence', (bytes) => {
      const integer = (value: Buffer) => Buffer.concat([Buffer.of(2, 33, 0), value]);
      const body = Buffer.concat([integer(bytes.subarray(0, 32)), integer(bytes.subarray(32))]);
      return Buffer.concat([Buffer.of(0x30, body.length), body]);
    }),
    {
      name: 'signature_other_key',
      comment: 'signed by another key than the publisher named',
      expect: 'ERR_SIGNATURE_INVALID',
      signer: OTHER_PUBLISHER,
    },
    {
      name: 'signature_keyid',
      comment: 'keyid is of another key',
      expect: 'ERR_SIGNATURE_INVALID',
      editEnvelope: (envelope) => {
        envelope.signatures[0].keyid = '00'.repeat(32);
      },
    },
    {
      name: 'signature_point',
      comment: "the publisher's point is not on the curve",
      expect: 'ERR_SIGNATURE_INVALID',
      publisher: { d: PUBLISHER.d, spki: Buffer.concat([PUBLISHER.spki.subarray(0, 90), Buffer.of(0)]) },
    },
  ];
}
