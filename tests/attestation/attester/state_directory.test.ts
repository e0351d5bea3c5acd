import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readPins, requirePins, writePins } from '../../../attestation/attester/pins.js';
import { StateDirectory } from '../../../attestation/attester/state_directory.js';

describe('device directory', () => {
  let path: string;
  let directory: StateDirectory;
  beforeEach(async () => {
    path = join(await mkdtemp(join(tmpdir(), 'sealedge-device-')), 'device');
    directory = await StateDirectory.open(path);
  });
  afterEach(() => rm(join(path, '..'), { recursive: true }));

  it('is for its owner alone, with all its files', async () => {
    await directory.write('a.json', { a: 1 });
    expect((await stat(path)).mode & 0o777).toBe(0o700);
    expect((await stat(join(path, 'keys'))).mode & 0o777).toBe(0o700);
    expect((await stat(join(path, 'a.json'))).mode & 0o777).toBe(0o600);
  });

  it('replaces a file whole', async () => {
    await directory.write('a.json', { a: 1 });
    await directory.write('a.json', { a: 2 });
    expect(await directory.read('a.json')).toEqual({ a: 2 });
    expect(await readdir(path)).toEqual(['a.json', 'keys']);
  });

  it('takes a cut file for none', async () => {
    await writeFile(join(path, 'a.json'), '{"a": ');
    expect(await directory.read('a.json')).toBeUndefined();
    expect(await directory.read('b.json')).toBeUndefined();
  });

  it('removes what a cut write left long ago, and not what another command is writing', async () => {
    const [old, young] = ['a.json.tmp-000000000000', 'a.json.tmp-111111111111'].map((name) => join(path, name));
    for (const name of [old, young]) await writeFile(name as string, 'half');
    await utimes(old as string, new Date(0), new Date(0));
    await StateDirectory.open(path);
    expect(await readdir(path)).toEqual(['a.json.tmp-111111111111', 'keys']);
  });

  it('cannot be a file', async () => {
    await directory.write('file', {});
    await expect(StateDirectory.open(join(path, 'file'))).rejects.toMatchObject({ code: 'ERR_FILE_UNREADABLE' });
  });

  describe('pins', () => {
    const name = (byte: number) => Buffer.concat([Buffer.from([0, 0x0b]), Buffer.alloc(32, byte)]);
    const pins = {
      verifier: 'https://verifier.example',
      deviceId: 'a'.repeat(32),
      fleet: 'plant-1',
      ekName: name(1),
      ak: { type: 'ecc-p256' as const, name: name(2) },
      storageKey: { type: 'rsa-2048' as const, name: name(3) },
      counter: { nvIndex: 0x01805ea1, name: name(4) },
      counterBase: 18_446_744_073_709_551_615n,
      stateKey: Buffer.from([1]),
      leaseKey: Buffer.from([2]),
      resultKey: Buffer.from([3]),
    };

    it('come back as they were written', async () => {
      await writePins(directory, pins);
      expect(await readPins(directory)).toEqual(pins);
      expect(await requirePins(directory)).toEqual(pins);
    });

    it('are absent when any member is missing, unknown or wrong', async () => {
      await writePins(directory, pins);
      const file = JSON.parse(await readFile(join(path, 'device.json'), 'utf8')) as Record<string, unknown>;
      for (const member of Object.keys(file)) {
        await directory.write('device.json', { ...file, [member]: undefined });
        expect(await readPins(directory), member).toBeUndefined();
        await directory.write('device.json', { ...file, [member]: 'no such thing' });
        expect(await readPins(directory), member).toBeUndefined();
      }
      await directory.write('device.json', { ...file, extra: 1 });
      expect(await readPins(directory)).toBeUndefined();
      await expect(requirePins(directory)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
    });
  });
});
