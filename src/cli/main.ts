#!/usr/bin/env node
/** The `sealedge` command. */
import { runCommandLine } from './program.js';

const exitCode = await runCommandLine(process.argv.slice(2));
if (exitCode !== 0) process.exitCode = exitCode;
