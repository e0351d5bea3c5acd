/** What the device's commands share. */
import type { Command } from 'commander';

export interface DeviceOptions {
  dir: string;
  tcti: string;
  json?: boolean;
}

export function deviceCommand(command: Command): Command {
  return command
    .option('--dir <directory>', 'state of this device', process.env.SEALEDGE_DEVICE_DIR ?? '/var/lib/sealedge/device')
    .option('--tcti <config>', 'how to reach the TPM', process.env.SEALEDGE_TCTI ?? 'device:/dev/tpmrm0')
    .option('--json', 'print the result as JSON');
}
