/**
 * A process to look into from outside: unseals what its arguments say, prints one line of JSON, and waits for the end of its
 * standard input. Arguments: TCTI, outPrivate, outPublic, authValue (hexadecimal), `handle` or `buffer`.
 */

import { once } from 'node:events';
import { secretMemoryReport, srkTemplate, TPM_RH, Tpm } from '../../native/node-tpm2-tss/src/index.js';

const [tcti = '', outPrivate = '', outPublic = '', authValue = '', kind] = process.argv.slice(2);
const bytes = (hex: string) => Buffer.from(hex, 'hex');
const tpm = await Tpm.open({ tcti });
const srk = await tpm.createPrimary({ primaryHandle: TPM_RH.OWNER, inPublic: srkTemplate('ecc-p256') });
const session = await tpm.startHmacSession({ tpmKey: srk });
const object = await tpm.load({ parentHandle: srk, inPrivate: bytes(outPrivate), inPublic: bytes(outPublic) });
const auth = { session, authValue: bytes(authValue) };
const secret =
  kind === 'buffer'
    ? await tpm.unsealToBufferExposingSecret({ itemHandle: object }, { auth })
    : await tpm.unseal({ itemHandle: object }, { auth });
const { level, regions } = secretMemoryReport();
const where = regions.map(({ begin, sizeBytes }) => [begin.toString(), sizeBytes]);
process.stdout.write(`${JSON.stringify({ level, regions: where })}\n`);
process.stdin.resume();
await once(process.stdin, 'end');
process.stdout.write(`${secret.byteLength}\n`);
await tpm.close();
