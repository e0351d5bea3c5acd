import { spawnSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';

const scripts = fileURLToPath(new URL('../../scripts/', import.meta.url));

function node(args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { code: status, stdout, stderr };
}

/** Three stages, of which `two` does what the test says. */
function runStages(args: string[], two: string) {
  const program = `
    import { ScriptError } from '${pathToFileURL(`${scripts}process.mjs`)}';
    import { chooseStages, runStages } from '${pathToFileURL(`${scripts}stages.mjs`)}';
    const passes = async (_, total) => { total.passed += 2; };
    const stages = [
      { name: 'one', title: 'the first', run: passes },
      { name: 'two', title: 'the second', run: async (_, total) => { ${two} } },
      { name: 'three', title: 'the third', run: passes },
    ];
    const { chosen } = chooseStages(stages, ${JSON.stringify(args)});
    process.exitCode = await runStages('test:some', chosen);`;
  return node(['--input-type=module', '--eval', program]);
}

describe('stages', () => {
  it('are counted one by one and together', () => {
    const { code, stdout, stderr } = runStages([], 'total.passed += 3; total.skipped += 1;');
    expect(code).toBe(0);
    expect(stdout).toBe('7 passed, 0 failed\n');
    expect(stderr).toMatch(/^stage 1 of 3, one: the first\nstage one: 2 passed, 0 failed, 0 skipped, \d+\.\d s\n/);
    expect(stderr).toMatch(/\ntwo +3 +0 +1 +\d/);
    expect(stderr).not.toContain('repeat');
  });

  it('go on after one that fails, and say how to repeat it', () => {
    const { code, stdout, stderr } = runStages([], "throw new ScriptError('no such tool');");
    expect(code).toBe(1);
    expect(stdout).toBe('4 passed, 1 failed\n');
    expect(stderr).toContain('sealedge: no such tool\n');
    expect(stderr).toContain('to repeat what failed: npm run test:some -- --only two\n');
  });

  it('fail when nothing ran', () => {
    expect(runStages(['--only', 'two'], '').stdout).toBe('0 passed, 1 failed\n');
  });

  it('stop at Ctrl-C, and say how to go on', () => {
    const two =
      "process.kill(process.pid, 'SIGINT'); await new Promise((go) => setTimeout(go, 50)); total.passed += 1;";
    const { code, stdout, stderr } = runStages([], two);
    expect(code).toBe(1);
    expect(stdout).toBe('3 passed, 1 failed\n');
    expect(stderr).toContain('stopped: npm run test:some -- --from two goes on from there\n');
  });

  it('are chosen by name', () => {
    expect(runStages(['--only', 'three,one'], '').stdout).toBe('4 passed, 0 failed\n');
    expect(runStages(['--from', 'two'], 'total.passed += 1').stdout).toBe('3 passed, 0 failed\n');
  });

  it.each(['test:long', 'test:arm64'])('of %s are listed, and an unknown one is refused by name', (command) => {
    const list = node([`${scripts}run.mjs`, command, '--list']);
    expect(list.code).toBe(0);
    expect(list.stdout).toMatch(/^(\S+ +\S.*\n){5,}$/);
    const { code, stderr } = node([`${scripts}run.mjs`, command, '--only', 'tsam']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^npm run \S+: there is no stage tsam, expected one of .*\n.*--help/);
    const alone = node([`${scripts}run.mjs`, command, '--list', '--from', 'tsan']);
    expect(alone.stderr).toContain('--list stands alone');
    expect(alone.code).toBe(2);
  });
});
