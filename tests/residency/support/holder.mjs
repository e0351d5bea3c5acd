/**
 * The process under attack: holds a secret, or a sealed model, and does what lines of JSON on stdin tell it. Runs the compiled
 * package, as a device does: a loader of TypeScript would bring memory of its own, 32 GB of address space among it.
 *
 *     argv: <key payload file> [<sealed file>]
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { InferenceSession, secretFromBytes, secretMemoryReport, Tensor } from '../../../dist/src/index.js';

// For the core dump's own control: something that is in ordinary memory for sure.
globalThis.inTheOpen = Buffer.from('holds the text of this very program');

const ARRAYS = { float32: Float32Array, uint8: Uint8Array, int8: Int8Array, int32: Int32Array, int64: BigInt64Array };

const [payloadPath = '', sealedPath] = process.argv.slice(2);

function say(message) {
  process.stdout.write(
    `${JSON.stringify(message, (_, value) => (typeof value === 'bigint' ? value.toString() : value))}\n`,
  );
}

/** On a device the key never is in ordinary memory; here it is for an instant, and this wipes the only copy. */
function readKey() {
  const bytes = Buffer.from(new ArrayBuffer(256));
  const file = openSync(payloadPath, 'r');
  const length = readSync(file, bytes, 0, bytes.length, 0);
  closeSync(file);
  const key = secretFromBytes(bytes.subarray(0, length));
  bytes.fill(0);
  return key;
}

let key;
let session;
// Not one after the other, and from the first moment: a report is asked for while a load or a run is held at a checkpoint.
createInterface({ input: process.stdin }).on('line', (line) => void obey(JSON.parse(line)));
try {
  key = readKey();
  session = sealedPath === undefined ? undefined : await InferenceSession.create(sealedPath, { key });
  if (session && process.env.HOLDER_KEEPS_KEY === undefined) key.close();
  say({ event: 'ready', ...secretMemoryReport() });
} catch (error) {
  const { name, code, message, fields } = error;
  say({ event: 'failed', error: { name, code, message, fields } });
}

function motorFeeds() {
  const window = Float32Array.from({ length: 2048 }, (_, i) => Math.sin(i / 7));
  return { vibration: new Tensor('float32', window, [1, 1, 2048]) };
}

/** JSON: {name: {type, dims, base64}}. */
function readFeeds(path) {
  const described = Object.entries(JSON.parse(readFileSync(path, 'utf8')));
  return Object.fromEntries(
    described.map(([name, { type, dims, base64 }]) => {
      const { buffer } = new Uint8Array(Buffer.from(base64, 'base64'));
      return [name, new Tensor(type, new ARRAYS[type](buffer), dims)];
    }),
  );
}

async function obey(command) {
  if (command.run !== undefined && session) {
    const feeds = command.feedsFile === undefined ? motorFeeds() : readFeeds(command.feedsFile);
    for (let i = 0; i < command.run; i += 1) await session.run(feeds);
    say({ event: 'ran' });
  }
  if (command.runSync !== undefined && session) {
    for (let i = 0; i < command.runSync; i += 1) session.runSync(motorFeeds());
    say({ event: 'ran' });
  }
  if (command.release) {
    await session?.release();
    key.close();
    say({ event: 'released' });
  }
  if (command.residency && session) {
    say({ event: 'residency', residency: await session.residency({ scan: true, ...(key.closed ? {} : { key }) }) });
  }
  if (command.report) say(secretMemoryReport());
}
