import { defineConfig } from 'vitest/config';

/** `npm run test:long`: endurance and exhaustive variants, minutes each, not part of `npm test`. */
export default defineConfig({
  test: {
    include: ['tests/long/**/*.test.ts'],
    testTimeout: 1_800_000,
    hookTimeout: 60_000,
    pool: 'forks',
  },
});
