/**
 * A device process that unseals, step by step as lines of JSON on stdin say, in a policy session salted to a key that the test has the
 * private part of. Runs the compiled package, as a device does.
 *
 *     argv: <tcti> <handle of the key to salt to> <outPrivate, hex> <outPublic, hex>
 */
import { createInterface } from 'node:readline';
import { secretMemoryReport, srkTemplate, TPM_CC, TPM_RH, Tpm } from '../../../native/node-tpm2-tss/dist/index.js';

const [tcti = '', keyHandle = '', outPrivate = '', outPublic = ''] = process.argv.slice(2);
const tpm = await Tpm.open({ tcti });
const srk = await tpm.createPrimary({ primaryHandle: TPM_RH.OWNER, inPublic: srkTemplate('ecc-p256') });
const [inPrivate, inPublic] = [outPrivate, outPublic].map((hex) => Buffer.from(hex, 'hex'));
const object = await tpm.load({ parentHandle: srk, inPrivate, inPublic });
const { name } = await tpm.readPublic({ objectHandle: Number(keyHandle) });

let session;
let secret;
const steps = {
  async start() {
    session = await tpm.startPolicySession({ tpmKey: { handle: Number(keyHandle), name } });
    await tpm.policyCommandCode({ policySession: session, code: TPM_CC.Unseal });
  },
  async unseal() {
    secret = await tpm.unseal({ itemHandle: object }, { auth: session });
  },
  async close() {
    secret.close();
    await session.flush();
    await tpm.close();
  },
  /** The control: what the test sends lies in ordinary memory from now on. */
  plant({ hex }) {
    globalThis.planted = Buffer.from(hex, 'hex');
  },
};

function say(message) {
  process.stdout.write(
    `${JSON.stringify(message, (_, value) => (typeof value === 'bigint' ? value.toString() : value))}\n`,
  );
}

say({ event: 'ready', ...secretMemoryReport() });
// Not one after the other: a report is asked for while a command waits for the TPM.
createInterface({ input: process.stdin }).on('line', async (line) => {
  const { step, ...details } = JSON.parse(line);
  if (step === 'report') return say(secretMemoryReport());
  await steps[step](details);
  say({ event: step });
});
