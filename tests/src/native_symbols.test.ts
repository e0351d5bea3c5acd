/**
 * Node exports the functions of its own OpenSSL, and the loader prefers them to a library's own. Our libcrypto is a private
 * copy whose allocator is secret memory (design decision 2), so none of its symbols may be looked up outside the addon.
 * The loader itself is asked: LD_DEBUG=bindings names every lookup and where it ended.
 */

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
const build = process.env.SEALEDGE_NATIVE_BUILD ?? join(root, 'native', 'build', 'release');
const addons = [join(build, 'sealedge.node'), join(build, 'node-tpm2-tss', 'tpm2_tss.node')];
const node24 = join(root, 'tests', 'node24', 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
const nodes = [
  { name: `this Node (${process.version})`, path: process.execPath },
  { name: 'Node 24', path: node24 },
];

/** Families of libcrypto and libssl symbols; C++ symbols are mangled (`_Z`) and never match. */
const cryptoSymbol =
  /^(a2i|AES|ASN1|ASYNC|BIO|BN|Camellia|CMAC|CMS|COMP|CONF|CRYPTO|CT|DES|DH|DSA|DSO|DTLS|EC|ECDH|ECDSA|ED25519|ENGINE|ERR|EVP|GENERAL_NAME|HMAC|i2a|i2d|d2i|i2o|o2i|i2s|s2i|MD4|MD5|MDC2|NCONF|OBJ|OCSP|OPENSSL|OSSL|PEM|PKCS\d*|RAND|RC2|RC4|RSA|SCT|SHA\d*|SM\d|SRP|SSL|TLS|TS|UI|X509\w*)_|^(AES|SHA|MD)\d*$|^OpenSSL/;
/** The C and C++ runtimes are versioned; a program that takes a function's address has an entry for it. */
const runtimeVersion = /^(GLIBC|GLIBCXX|CXXABI|GCC)_/;

interface Binding {
  readonly target: string;
  readonly symbol: string;
  readonly version: string;
}

const directory = mkdtempSync(join(tmpdir(), 'sealedge-symbols-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Every lookup made for `addon` while `node` loads it. Addons are linked with -z now: all of them happen then. */
async function bindings(node: string, addon: string): Promise<Binding[]> {
  const output = mkdtempSync(join(directory, 'trace-'));
  await run(node, ['-e', `require(${JSON.stringify(addon)})`], {
    env: { PATH: process.env.PATH, LD_DEBUG: 'bindings', LD_DEBUG_OUTPUT: join(output, 'trace') },
  });
  const line = /binding file (\S+) \[\d+\] to (\S+) \[\d+\]: (?:normal|protected) symbol `([^']+)'(?: \[(\S+)\])?/;
  return readdirSync(output)
    .flatMap((name) => readFileSync(join(output, name), 'utf8').split('\n'))
    .map((text) => line.exec(text))
    .filter((match) => match?.[1] === addon)
    .map((match) => ({ target: match?.[2] ?? '', symbol: match?.[3] ?? '', version: match?.[4] ?? '' }));
}

for (const addon of addons) {
  describe(`${addon.slice(build.length + 1)}`, () => {
    it('neither exports nor imports a crypto symbol', async () => {
      const { stdout } = await run('nm', ['-D', addon]);
      const symbols = stdout
        .split('\n')
        .map((line) => line.trim().split(/\s+/).at(-1) ?? '')
        .map((symbol) => symbol.replace(/@.*/, ''));
      expect(symbols).toContain('napi_register_module_v1');
      expect(symbols.filter((symbol) => cryptoSymbol.test(symbol))).toEqual([]);
    });

    it('exports its entry points and nothing else', async () => {
      const { stdout } = await run('nm', ['-D', '--defined-only', addon]);
      const exported = stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.split(' ').at(-1));
      expect(exported.sort()).toEqual(['napi_register_module_v1', 'node_api_module_get_api_version_v1']);
    });

    for (const node of nodes) {
      it(`binds no crypto symbol outside itself on ${node.name}`, async () => {
        const all = await bindings(node.path, addon);
        // The trace is worth something only if it shows what must be there.
        expect(all.some(({ target, symbol }) => target === node.path && symbol === 'napi_create_object')).toBe(true);
        expect(all.filter(({ symbol }) => cryptoSymbol.test(symbol))).toEqual([]);
        expect(all.filter(({ target }) => /lib(crypto|ssl)\b/.test(target))).toEqual([]);
        const fromNode = all.filter(({ target, version }) => target === node.path && !runtimeVersion.test(version));
        expect(fromNode.filter(({ symbol }) => !/^(napi|node_api)_/.test(symbol))).toEqual([]);
      });
    }
  });
}

describe('the check itself', () => {
  it('would see a symbol that resolves to Node: Node exports its OpenSSL', async () => {
    const { stdout } = await run('nm', ['-D', '--defined-only', process.execPath], { maxBuffer: 1 << 28 });
    expect(stdout).toMatch(/ EVP_DigestInit_ex$/m);
    expect(cryptoSymbol.test('EVP_DigestInit_ex')).toBe(true);
    expect(cryptoSymbol.test('CRYPTO_malloc')).toBe(true);
    expect(cryptoSymbol.test('SHA256')).toBe(true);
    expect(cryptoSymbol.test('napi_create_object')).toBe(false);
  });

  it('loads the addons in this process too', () => {
    const require = createRequire(import.meta.url);
    for (const addon of addons.filter(existsSync)) expect(Object.keys(require(addon)).length).toBeGreaterThan(0);
  });
});
