/** Milliseconds that a call takes. */
export async function timed(call: () => unknown): Promise<number> {
  const start = process.hrtime.bigint();
  await call();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

/** How many times in a row a call has to be made to take about `targetMs`. */
export async function repetitionsFor(call: () => unknown, targetMs: number): Promise<number> {
  for (let count = 1; ; count *= 2) {
    const ms = await timed(async () => {
      for (let i = 0; i < count; i += 1) await call();
    });
    if (ms >= targetMs / 2) return Math.max(1, Math.round((count * targetMs) / ms));
  }
}
