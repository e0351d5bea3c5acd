/** Faults of the statement; each is properly signed by the publisher. */
import { type Json, MODEL, PUBLISHER } from './forge.js';
import { type ScenarioSpec, sealedGraph } from './scenarios.js';

export function statementScenarios(): ScenarioSpec[] {
  return [...spelling(), ...syntax(), ...types(), ...model(), ...publisher(), ...segments()];
}

function invalid(name: string, comment: string, edit: (statement: Json) => void): ScenarioSpec {
  return { name: `statement_${name}`, comment, expect: 'ERR_MANIFEST_INVALID', editStatement: edit };
}

function text(name: string, comment: string, expect: string, edit: (text: string) => string): ScenarioSpec {
  return { name: `statement_${name}`, comment, expect, editStatementText: edit };
}

/** JSON that says the same, or something that the profile has no words for. */
function spelling(): ScenarioSpec[] {
  const respelled = (name: string, comment: string, edit: (text: string) => string) =>
    text(name, comment, 'ERR_ENVELOPE_NOT_CANONICAL', edit);
  const version = (name: string, comment: string, number: string) =>
    respelled(name, comment, (json) => json.replace(`"version":${MODEL.version}`, `"version":${number}`));
  return [
    respelled('space', 'a space', (json) => json.replace(',', ', ')),
    respelled('member_order', 'name and version change places', (json) =>
      json.replace(`"name":"${MODEL.name}","version":7`, `"version":7,"name":"${MODEL.name}"`),
    ),
    respelled('duplicate_member', 'two suites of one value', (json) =>
      json.replace('"suite":1', '"suite":1,"suite":1'),
    ),
    respelled('duplicate_member_other', 'two suites', (json) => json.replace('"suite":1', '"suite":2,"suite":1')),
    respelled('escape', 'a letter of the name as an escape', (json) =>
      json.replaceAll(MODEL.name, 'vector mode\\u006c'),
    ),
    respelled('lone_surrogate', 'half a surrogate pair in the name', (json) => json.replaceAll(MODEL.name, '\\udc00')),
    version('number_fraction', 'version 7.0', '7.0'),
    version('number_exponent', 'version 7e0', '7e0'),
    version('number_exponent_large', 'version 1e3', '1e3'),
    version('number_minus_zero', 'version -0', '-0'),
    version('number_too_large', 'version 2^53', '9007199254740992'),
    version('number_huge', 'version of 400 digits', '9'.repeat(400)),
    version('null', 'version null', 'null'),
  ];
}

function syntax(): ScenarioSpec[] {
  const malformed = (name: string, comment: string, edit: (text: string) => string) =>
    text(name, comment, 'ERR_MANIFEST_INVALID', edit);
  return [
    malformed('empty', 'empty', () => ''),
    malformed('not_json', 'not JSON', () => 'sealed'),
    malformed('cut', 'the last brace is missing', (json) => json.slice(0, -1)),
    malformed('leading_zero', 'version 07', (json) => json.replace('"version":7', '"version":07')),
    malformed('plus', 'version +7', (json) => json.replace('"version":7', '"version":+7')),
    malformed('too_many_values', 'an extra member of 65,536 items', (json) =>
      json.replace(/}$/, `,"x":[${'0,'.repeat(65_535)}0]}`),
    ),
    malformed('array', 'an array', () => '[]'),
    malformed('string', 'a string', () => '"statement"'),
  ];
}

function types(): ScenarioSpec[] {
  return [
    invalid('type', 'an older in-toto Statement', (statement) => {
      statement._type = 'https://in-toto.io/Statement/v0.1';
    }),
    invalid('predicate_type', 'a predicate of another kind', (statement) => {
      statement.predicateType = 'https://slsa.dev/provenance/v1';
    }),
    invalid('extra_member', 'a member that is not known', (statement) => {
      statement.x = 1;
    }),
    invalid('predicate_extra_member', 'a member of the predicate that is not known', ({ predicate }) => {
      predicate.note = 'hello';
    }),
    invalid('predicate_missing', 'no predicate', (statement) => {
      delete statement.predicate;
    }),
    invalid('suite_missing', 'no suite', ({ predicate }) => {
      delete predicate.suite;
    }),
    invalid('suite_string', 'suite is a string', ({ predicate }) => {
      predicate.suite = '1';
    }),
    {
      name: 'statement_suite',
      comment: 'suite 2',
      expect: 'ERR_SUITE_UNSUPPORTED',
      editStatement: ({ predicate }) => {
        predicate.suite = 2;
        predicate.somethingOfSuite2 = true;
      },
    },
    invalid('no_subject', 'an empty list of subjects', (statement) => {
      statement.subject = [];
    }),
    invalid('subject_name', 'subject and model differ in name', ({ subject }) => {
      subject[0].name = 'another model';
    }),
    invalid('subject_digest', 'the digest of other segments', ({ subject }) => {
      subject[0].digest.sealedgeSegments1 = '00'.repeat(32);
    }),
    invalid('subject_digest_extra', 'a second digest', ({ subject }) => {
      subject[0].digest.sha256 = '00'.repeat(32);
    }),
    invalid('key_id_short', 'a key id of 31 bytes', ({ predicate }) => {
      predicate.keyId = predicate.keyId.slice(2);
    }),
    invalid('key_id_upper_case', 'a key id in upper case', ({ predicate }) => {
      predicate.keyId = 'AB'.repeat(32);
    }),
    ...[
      '2026-02-28',
      '2026-13-01T00:00:00Z',
      '2026-01-01T24:00:00Z',
      '2026-01-01T00:00:00+00:00',
      '2026-01-01T00:00:00Z\n',
    ].map((created, i) =>
      invalid(`created_${i + 1}`, `created ${JSON.stringify(created)}`, ({ predicate }) => {
        predicate.created = created;
      }),
    ),
  ];
}

function model(): ScenarioSpec[] {
  const renamed = (name: string, comment: string, modelName: string) =>
    invalid(name, comment, ({ predicate, subject }) => {
      predicate.model.name = modelName;
      subject[0].name = modelName;
    });
  return [
    renamed('name_empty', 'an empty model name', ''),
    renamed('name_too_long', 'a model name of 257 bytes', 'n'.repeat(257)),
    renamed('name_too_long_utf8', 'a model name of 129 characters, 258 bytes', 'é'.repeat(129)),
    renamed('name_newline', 'a model name with a newline', 'a\nb'),
    renamed('name_c1', 'a model name with U+009B', 'a\u009bb'),
    invalid('version_zero', 'version 0', ({ predicate }) => {
      predicate.model.version = 0;
    }),
    invalid('version_negative', 'version -1', ({ predicate }) => {
      predicate.model.version = -1;
    }),
    invalid('version_string', 'version as a string', ({ predicate }) => {
      predicate.model.version = '7';
    }),
    invalid('description_empty', 'an empty description', ({ predicate }) => {
      predicate.model.description = '';
    }),
    invalid('description_too_long', 'a description of 1,025 bytes', ({ predicate }) => {
      predicate.model.description = 'd'.repeat(1025);
    }),
    invalid('model_extra_member', 'a member of the model that is not known', ({ predicate }) => {
      predicate.model.license = 'MIT';
    }),
  ];
}

function publisher(): ScenarioSpec[] {
  const spki = (name: string, comment: string, bytes: Buffer) =>
    invalid(`spki_${name}`, comment, ({ predicate }) => {
      predicate.publisher.spki = bytes.toString('base64');
    });
  const compressed = Buffer.concat([
    Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex'),
    Buffer.of(2 + ((PUBLISHER.spki[90] ?? 0) & 1)),
    PUBLISHER.spki.subarray(27, 59),
  ]);
  const otherCurve = Buffer.from(PUBLISHER.spki);
  otherCurve[22] = 6;
  return [
    spki('compressed', 'a compressed point', compressed),
    spki('curve', 'another curve', otherCurve),
    spki('short', 'one byte short', PUBLISHER.spki.subarray(0, 90)),
    spki('long', 'one byte more', Buffer.concat([PUBLISHER.spki, Buffer.of(0)])),
    spki('empty', 'empty', Buffer.alloc(0)),
    invalid('spki_base64', 'without base64 padding', ({ predicate }) => {
      predicate.publisher.spki = predicate.publisher.spki.replace(/=+$/, '');
    }),
  ];
}

function segments(): ScenarioSpec[] {
  const withWeights = (name: string, comment: string, edit: (statement: Json) => void): ScenarioSpec => ({
    ...invalid(name, comment, edit),
    segments: sealedGraph(),
  });
  return [
    invalid('data_offset', 'data offset one page late', ({ predicate }) => {
      predicate.container.dataOffset += 4096;
    }),
    invalid('data_offset_unaligned', 'data offset right after the envelope', ({ predicate }) => {
      predicate.container.dataOffset -= 1;
    }),
    invalid('total_length', 'total length one byte more', ({ predicate }) => {
      predicate.container.totalLength += 1;
    }),
    invalid('no_segments', 'no segments', ({ predicate }) => {
      predicate.segments = [];
    }),
    invalid('segment_extra_member', 'a layout in the statement', ({ predicate }) => {
      predicate.segments[0].layout = 'plain';
    }),
    invalid('segment_kind', 'the first segment is of weights', ({ predicate }) => {
      predicate.segments[0].kind = 'weights';
    }),
    withWeights('segment_kind_later', 'the second segment is a graph', ({ predicate }) => {
      predicate.segments[1].kind = 'graph';
    }),
    withWeights('segment_offset', 'a page left out before the second segment', ({ predicate }) => {
      predicate.segments[1].offset += 4096;
    }),
    withWeights('segment_overlap', 'two segments in one place', ({ predicate }) => {
      predicate.segments[2].offset = predicate.segments[1].offset;
    }),
    withWeights('segment_order', 'segments not in the order of the file', ({ predicate }) => {
      const [graph, first, second] = predicate.segments;
      predicate.segments = [graph, second, first];
    }),
    withWeights('segment_id_twice', 'two segments with one id', ({ predicate }) => {
      predicate.segments[2].id = predicate.segments[1].id;
    }),
    withWeights('segment_length_granule', 'a weight segment whose length is no multiple of 64', ({ predicate }) => {
      predicate.segments[2].length -= 1;
      predicate.container.totalLength -= 1;
    }),
    invalid('segment_length_zero', 'an empty segment', ({ predicate }) => {
      predicate.container.totalLength -= predicate.segments[0].length;
      predicate.segments[0].length = 0;
    }),
    invalid('segment_length_too_large', 'a segment beyond one GCM message', ({ predicate }) => {
      predicate.segments[0].length = 2 ** 36 - 31;
      predicate.container.totalLength = predicate.container.dataOffset + 2 ** 36 - 31;
    }),
    invalid('segment_length_huge', 'a segment of 2^53 - 1 bytes', ({ predicate }) => {
      predicate.segments[0].length = Number.MAX_SAFE_INTEGER;
      predicate.container.totalLength = Number.MAX_SAFE_INTEGER;
    }),
    {
      name: 'statement_huge_length',
      comment: 'a properly signed length of 64 GiB, but only a page follows',
      expect: 'ERR_TRUNCATED',
      editStatement: ({ predicate }) => {
        predicate.segments[0].length = 2 ** 36 - 32;
        predicate.container.totalLength = predicate.container.dataOffset + 2 ** 36 - 32;
      },
    },
    invalid('segment_tag_short', 'a tag of 12 bytes', ({ predicate }) => {
      predicate.segments[0].tag = predicate.segments[0].tag.slice(8);
    }),
    invalid('segment_id_short', 'an id of 16 bytes', ({ predicate }) => {
      predicate.segments[0].id = predicate.segments[0].id.slice(32);
    }),
  ];
}
