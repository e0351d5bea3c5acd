// npm run package: the two npm packages as a device installs them, with their addons inside, into build/packages.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, ScriptError, say } from './process.mjs';

const OUT = join(root, 'build/packages');
const RELEASE = join(root, 'native/build/release');

const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));

// A folder with just what goes into the package. Development's parts of package.json would only mislead an installer.
async function stage(name, from, files) {
  const folder = join(OUT, name);
  for (const [source, target] of files) cpSync(source, join(folder, target), { recursive: true });
  const { scripts, devDependencies, workspaces, overrides, ...manifest } = readJson(join(from, 'package.json'));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return folder;
}

async function strip(addon) {
  if ((await run('strip', ['--strip-unneeded', addon])) !== 0) throw new ScriptError(`could not strip ${addon}`);
}

export async function packageAll() {
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  const tss = join(root, 'native/node-tpm2-tss');
  const documents = ['README.md', 'ARCHITECTURE.md', 'SECURITY.md', 'CHANGELOG.md', 'LICENSE', 'docs'];
  const folders = [
    await stage('node-tpm2-tss', tss, [
      [join(tss, 'dist'), 'dist'],
      [join(tss, 'README.md'), 'README.md'],
      [join(tss, 'LICENSE'), 'LICENSE'],
      [join(RELEASE, 'node-tpm2-tss/tpm2_tss.node'), 'build/tpm2_tss.node'],
    ]),
    await stage('sealedge', root, [
      [join(root, 'dist/src'), 'dist/src'],
      [join(root, 'dist/attestation'), 'dist/attestation'],
      [join(RELEASE, 'sealedge.node'), 'native/build/release/sealedge.node'],
      ...documents.map((name) => [join(root, name), name]),
    ]),
  ];
  await strip(join(OUT, 'node-tpm2-tss/build/tpm2_tss.node'));
  await strip(join(OUT, 'sealedge/native/build/release/sealedge.node'));
  for (const folder of folders) {
    if ((await run('npm', ['pack', '--silent', '--pack-destination', OUT, folder])) !== 0)
      throw new ScriptError(`npm pack failed for ${folder}`);
    rmSync(folder, { recursive: true });
  }
  for (const file of readdirSync(OUT))
    say(`build/packages/${file}  ${(statSync(join(OUT, file)).size / 2 ** 20).toFixed(1)} MB`);
  return 0;
}
