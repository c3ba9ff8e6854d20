import { defineConfig } from 'vitest/config';

// The whole of the large corpora, mutants by the thousand, a document of 1 GiB, what `npm test` does with two real
// tokenizers by all four: minutes each, so not in `npm test`.
export default defineConfig({
  test: {
    include: ['test/long/**/*.test.ts', 'test/tokenize/{hostile,exact-chunks,exact-stream}.test.ts'],
    env: { ALL_TOKENIZERS: '1' },
    maxWorkers: 2,
    testTimeout: 1_800_000,
    hookTimeout: 120_000,
  },
});
