/** How commands speak: results on stdout, for people or (--json) as one line of JSON; progress on stderr, for people only. */

export interface Output {
  readonly json: boolean;
  progress(text: string): void;
  result(human: string, data: unknown): void;
}

export function createOutput(json: boolean): Output {
  return {
    json,
    progress: (text) => {
      if (!json) process.stderr.write(`${text}\n`);
    },
    result: (human, data) => {
      process.stdout.write(json ? `${stringify(data)}\n` : `${human}\n`);
    },
  };
}

/** Unsigned 64-bit numbers become decimal text, as on the wire. */
function stringify(data: unknown): string {
  return JSON.stringify(data, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}
