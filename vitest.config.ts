import { defineConfig } from 'vitest/config';

// Two cores: two files at a time. Tests that start processes need more than vitest's 5 s.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/long/**'],
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
