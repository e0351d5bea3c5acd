/** npm run docs:operators: writes docs/OPERATORS.md. Needs the native build and the standard cases. */
import { writeFileSync } from 'node:fs';
import { caseFolder, casesInstalled } from '../cases.js';
import { documentFile, operatorsDocument } from './document.js';

if (casesInstalled()) {
  writeFileSync(documentFile, await operatorsDocument());
} else {
  process.stderr.write(`docs:operators: ${caseFolder} is absent (Debian's package libonnx-testdata)\n`);
  process.exitCode = 1;
}
