/** What the operating system said, in a message that already names the file: its own text names temporary files and system calls. */
export function systemReason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  // Node writes "CODE: reason, call 'path'".
  return /^[A-Z0-9]+: (.*?)(?:, \w+(?: .*)?)?$/s.exec(cause.message)?.[1] ?? cause.message;
}
