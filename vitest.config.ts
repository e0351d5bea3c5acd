import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: ['tests/long/**', '**/node_modules/**'],
    // Each file starts real processes (swtpm, services, devices): generous limits, so that a busy machine is not a failure.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
  },
});
