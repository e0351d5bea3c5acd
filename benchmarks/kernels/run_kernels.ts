/** Builds kernels_bench (CMakeLists.txt here) beside the addon and runs it. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NATIVE = fileURLToPath(new URL('../../native', import.meta.url));

export function runKernelBenchmarks(): string[] {
  const build = process.env.SEALEDGE_NATIVE_BUILD || join(NATIVE, 'build', 'release');
  if (!existsSync(join(build, 'build.ninja'))) return [`not measured: ${build} is not a build folder (npm run build)`];
  try {
    execFileSync('ninja', ['-C', build, 'kernels_bench'], { stdio: ['ignore', 'ignore', 'inherit'] });
  } catch {
    return ['not measured: this build has no kernels_bench (x86-64 with SIMD kernels only)'];
  }
  const output = execFileSync(join(build, 'benchmarks', 'kernels_bench'), { encoding: 'utf8' });
  return output.trimEnd().split('\n');
}
