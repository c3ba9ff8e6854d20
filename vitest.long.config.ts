import { defineConfig } from 'vitest/config';

// The whole of the large corpora, and mutants by the thousand: minutes each, so not in `npm test`.
export default defineConfig({
  test: {
    include: ['test/long/**/*.test.ts'],
    maxWorkers: 2,
    testTimeout: 1_800_000,
    hookTimeout: 120_000,
  },
});
