// A process that holds a plain model as an ordinary application does: onnxruntime, loaded and run once. Told not to fold
// or repack what it read, it keeps every weight for as long as it runs; what it freed could be overwritten at any time.
import { createRequire } from 'node:module';

const { InferenceSession, Tensor } = createRequire(import.meta.url)('onnxruntime-node');
const session = await InferenceSession.create(process.argv[2], {
  intraOpNumThreads: 1,
  graphOptimizationLevel: 'disabled',
  extra: { session: { disable_prepacking: '1' } },
});
const input = new Tensor('float32', new Float32Array(2048), [1, 1, 2048]);
await session.run({ [session.inputNames[0]]: input });
process.stdout.write('ready\n');
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
