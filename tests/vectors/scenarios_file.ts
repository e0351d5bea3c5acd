/** Right files, and faults of header, length, padding, segments and key. */
import { CONTENT_KEY, forgePayload, fromSeed, MODEL, OTHER_PUBLISHER, subjectDigest } from './forge.js';
import { INLINE_GRAPH, type ScenarioSpec, sealedGraph } from './scenarios.js';

const LARGEST_VERSION = Number.MAX_SAFE_INTEGER;

export function fileScenarios(): ScenarioSpec[] {
  return [...right(), ...header(), ...length(), ...segments(), ...key()];
}

function right(): ScenarioSpec[] {
  const page = Buffer.alloc(4096, 'page');
  return [
    { name: 'right_graph_only', comment: 'one segment', expect: 'success' },
    { name: 'right_weights', comment: 'a blocked and a plain weight', expect: 'success', segments: sealedGraph() },
    {
      name: 'right_optional_members',
      comment: 'description and created; a name beyond the basic plane',
      expect: 'success',
      model: { name: 'détecteur 🛠 轴承', version: 1, description: 'five classes; "quoted" \\ text' },
      created: '2026-02-28T23:59:59Z',
      payload: forgePayload({ name: 'détecteur 🛠 轴承', minimum: 1n }),
    },
    {
      name: 'right_full_pages',
      comment: 'segments fill their pages: no padding between them',
      expect: 'success',
      segments: [
        { plaintext: page, layout: 255 },
        { plaintext: page, layout: 2 },
        { plaintext: page.subarray(0, 64), layout: 0 },
      ],
    },
    {
      name: 'right_newer_version',
      comment: 'version above the minimum of the key',
      expect: 'success',
      payload: forgePayload({ minimum: 1n }),
    },
    {
      name: 'right_largest_version',
      comment: 'version 2^53 - 1',
      expect: 'success',
      model: { name: MODEL.name, version: LARGEST_VERSION },
      payload: forgePayload({ minimum: BigInt(LARGEST_VERSION) }),
    },
    {
      name: 'right_longest_name',
      comment: 'model name of 256 bytes',
      expect: 'success',
      model: { name: 'n'.repeat(256), version: 7 },
      payload: forgePayload({ name: 'n'.repeat(256) }),
    },
  ];
}

function header(): ScenarioSpec[] {
  return [
    {
      name: 'header_magic',
      comment: 'one letter of the magic in lower case',
      expect: 'ERR_HEADER_MALFORMED',
      editHeader: (bytes) => bytes.write('e', 7),
    },
    ...[0, 2, 0x01000000].map((version) => ({
      name: `header_version_${version}`,
      comment: `container version ${version}`,
      expect: 'ERR_VERSION_UNSUPPORTED',
      editHeader: (bytes: Buffer) => bytes.writeUInt32BE(version, 8),
    })),
    ...[0, 1_048_577, 0xffffffff].map((size) => ({
      name: `header_envelope_length_${size}`,
      comment: `envelope length ${size}`,
      expect: 'ERR_HEADER_MALFORMED',
      editHeader: (bytes: Buffer) => bytes.writeUInt32BE(size, 12),
    })),
    {
      name: 'header_envelope_length_shorter',
      comment: 'envelope length one too small: the envelope is cut',
      expect: 'ERR_ENVELOPE_MALFORMED',
      editHeader: (bytes) => bytes.writeUInt32BE(bytes.readUInt32BE(12) - 1, 12),
    },
    {
      name: 'header_envelope_length_longer',
      comment: 'envelope length one too large: a zero byte behind the envelope',
      expect: 'ERR_ENVELOPE_MALFORMED',
      editHeader: (bytes) => bytes.writeUInt32BE(bytes.readUInt32BE(12) + 1, 12),
    },
  ];
}

function length(): ScenarioSpec[] {
  const cut = (name: string, comment: string, at: (file: Buffer, offsets: number[]) => number): ScenarioSpec => ({
    name,
    comment,
    expect: 'ERR_TRUNCATED',
    segments: sealedGraph(),
    editFile: (file, offsets) => file.subarray(0, at(file, offsets)),
  });
  return [
    cut('cut_empty', 'no byte at all', () => 0),
    cut('cut_header', 'ends in the header', () => 15),
    cut('cut_after_header', 'ends after the header', () => 16),
    cut('cut_envelope', 'ends in the envelope', () => 200),
    cut('cut_padding', 'ends in the padding before the first segment', (_, offsets) => (offsets[0] ?? 0) - 1),
    cut('cut_before_segments', 'ends before the first segment', (_, offsets) => offsets[0] ?? 0),
    cut('cut_last_byte', 'the last byte is missing', (file) => file.length - 1),
    {
      name: 'appended_byte',
      comment: 'a zero byte after the end',
      expect: 'ERR_LENGTH_MISMATCH',
      editFile: (file) => Buffer.concat([file, Buffer.of(0)]),
    },
    {
      name: 'appended_page',
      comment: 'zeros up to the next page after the end',
      expect: 'ERR_LENGTH_MISMATCH',
      editFile: (file) => Buffer.concat([file, Buffer.alloc(4096 - (file.length % 4096))]),
    },
    {
      name: 'padding_first',
      comment: 'a byte set before the first segment',
      expect: 'ERR_PADDING_INVALID',
      editFile: (file, offsets) => flip(file, (offsets[0] ?? 0) - 1),
    },
    {
      name: 'padding_between',
      comment: 'a byte set between two segments',
      expect: 'ERR_PADDING_INVALID',
      segments: sealedGraph(),
      editFile: (file, offsets) => flip(file, (offsets[1] ?? 0) - 1),
    },
  ];
}

function segments(): ScenarioSpec[] {
  const [graph, panel, plain] = sealedGraph();
  if (graph === undefined || panel === undefined || plain === undefined) throw new Error('three segments expected');
  return [
    {
      name: 'segment_graph_flipped',
      comment: 'one bit of the graph',
      expect: 'ERR_SEGMENT_AUTH',
      editFile: (file, offsets) => flip(file, offsets[0] ?? 0),
    },
    {
      name: 'segment_weights_flipped',
      comment: 'the last bit of the last segment',
      expect: 'ERR_SEGMENT_AUTH',
      segments: [graph, panel, plain],
      editFile: (file) => flip(file, file.length - 1),
    },
    {
      name: 'segment_tag',
      comment: 'signed, but with another tag: only a holder of the key notices',
      expect: 'ERR_SEGMENT_AUTH',
      expectKeyless: 'success',
      editStatement: ({ predicate }) => {
        predicate.segments[0].tag = '00'.repeat(16);
      },
    },
    {
      name: 'segment_id',
      comment: 'signed, but with another id: another key and other associated data',
      expect: 'ERR_SEGMENT_AUTH',
      expectKeyless: 'success',
      editStatement: ({ predicate }) => {
        predicate.segments[0].id = 'ab'.repeat(32);
      },
    },
    {
      name: 'segment_layout',
      comment: 'a plain segment sealed as panel16',
      expect: 'ERR_SEGMENT_AUTH',
      expectKeyless: 'success',
      segments: [graph, panel, { ...plain, sealedAs: 1 }],
    },
    {
      name: 'segment_graph_sealed_as_weights',
      comment: 'the graph sealed with the layout byte of weights',
      expect: 'ERR_SEGMENT_AUTH',
      expectKeyless: 'success',
      segments: [{ plaintext: INLINE_GRAPH, layout: 255, sealedAs: 0 }],
    },
    {
      name: 'segments_swapped',
      comment: 'two weight segments of one length change places, without their ids',
      expect: 'ERR_SEGMENT_AUTH',
      segments: [graph, panel, { plaintext: Buffer.alloc(panel.plaintext.length, 1), layout: 1 }],
      editFile: (file, [, first = 0, second = 0]) => {
        const swapped = Buffer.from(file);
        file.copy(swapped, first, second, second + panel.plaintext.length);
        file.copy(swapped, second, first, first + panel.plaintext.length);
        return swapped;
      },
    },
    {
      name: 'segments_swapped_signed',
      comment: 'the same with the statement following, but for the ids',
      expect: 'ERR_SEGMENT_AUTH',
      expectKeyless: 'success',
      segments: [graph, panel, { plaintext: Buffer.alloc(panel.plaintext.length, 1), layout: 1 }],
      editStatement: ({ predicate }) => {
        const [, first, second] = predicate.segments;
        [first.id, second.id] = [second.id, first.id];
      },
    },
    {
      name: 'segment_digest',
      comment: "signed, but with a digest that is not the ciphertext's: only a reader without the key looks at it",
      expect: 'success',
      expectKeyless: 'ERR_SEGMENT_AUTH',
      editStatement: ({ predicate, subject }) => {
        predicate.segments[0].sha256 = '00'.repeat(32);
        subject[0].digest.sealedgeSegments1 = subjectDigest([Buffer.alloc(32)]);
      },
    },
  ];
}

function key(): ScenarioSpec[] {
  const refused = (name: string, comment: string, expect: string, payload: Buffer): ScenarioSpec => ({
    name,
    comment,
    expect,
    expectKeyless: 'success',
    payload,
  });
  const payload = forgePayload();
  return [
    refused('key_short', 'payload of 103 bytes', 'ERR_KEY_PAYLOAD_INVALID', payload.subarray(0, 103)),
    refused('key_long', 'payload of 105 bytes', 'ERR_KEY_PAYLOAD_INVALID', Buffer.concat([payload, Buffer.of(0)])),
    refused('key_minimum_zero', 'minimum version 0', 'ERR_KEY_PAYLOAD_INVALID', forgePayload({ minimum: 0n })),
    refused(
      'key_minimum_too_large',
      'minimum version 2^53',
      'ERR_KEY_PAYLOAD_INVALID',
      forgePayload({ minimum: 2n ** 53n }),
    ),
    refused(
      'key_publisher',
      'the key names another publisher',
      'ERR_PUBLISHER_UNTRUSTED',
      forgePayload({ spki: OTHER_PUBLISHER.spki }),
    ),
    {
      ...refused(
        'key_publisher_signs',
        'right in itself, but made by another publisher',
        'ERR_PUBLISHER_UNTRUSTED',
        payload,
      ),
      publisher: OTHER_PUBLISHER,
    },
    refused(
      'key_name',
      'the key is for another name',
      'ERR_MODEL_NAME_MISMATCH',
      forgePayload({ name: 'Vector model' }),
    ),
    refused(
      'key_version',
      'the file is one version too old',
      'ERR_MODEL_VERSION_TOO_OLD',
      forgePayload({ minimum: 8n }),
    ),
    refused(
      'key_content',
      'another content key',
      'ERR_NO_MATCHING_KEY',
      forgePayload({ contentKey: fromSeed('another content key') }),
    ),
    {
      ...refused('key_id', 'the right key, but the statement names another', 'ERR_NO_MATCHING_KEY', payload),
      editStatement: ({ predicate }) => {
        predicate.keyId = CONTENT_KEY.toString('hex');
      },
    },
  ];
}

function flip(file: Buffer, at: number): Buffer {
  const altered = Buffer.from(file);
  altered[at] = (altered[at] ?? 0) ^ 1;
  return altered;
}
