import { defineConfig } from 'vitest/config';

// The whole of the large corpora, mutants by the thousand, a document of 1 GiB: minutes each, so not in `npm test`.
export default defineConfig({
  test: {
    include: ['test/long/**/*.test.ts'],
    maxWorkers: 2,
    testTimeout: 1_800_000,
    hookTimeout: 120_000,
  },
});
