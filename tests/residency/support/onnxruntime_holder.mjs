// A process that holds a plain model the way an ordinary application does: onnxruntime, loaded and run once.
import { createRequire } from 'node:module';

const { InferenceSession, Tensor } = createRequire(import.meta.url)('onnxruntime-node');
const session = await InferenceSession.create(process.argv[2], { intraOpNumThreads: 1 });
const input = new Tensor('float32', new Float32Array(2048), [1, 1, 2048]);
await session.run({ [session.inputNames[0]]: input });
process.stdout.write('ready\n');
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
