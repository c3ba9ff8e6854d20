import { describe, expect, test } from 'vitest';
import { loadTokenizer } from '../../src/tokenize/index.ts';
import { mutants, readJson, REAL, REAL_NAMES, reduced, tryMutant } from '../support/tokenizers.ts';

describe.each(REAL_NAMES)('mutants of %s', (name) => {
  test('300 of its structure are refused with a pointer, or give the ids of the reference', async () => {
    const outcomes: Record<string, number> = {};
    const wrong: string[] = [];
    for (const mutant of mutants(reduced(readJson(REAL[name]), 1500), 300, 21)) {
      const { outcome, detail } = await tryMutant(mutant, loadTokenizer);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      if (outcome === 'other ids' || outcome === 'another error' || outcome === 'slow')
        wrong.push(`${mutant.what}: ${outcome}: ${detail}`);
    }
    expect(wrong).toEqual([]);
    expect(outcomes['refused']).toBeGreaterThan(100);
    expect(outcomes['same ids']).toBeGreaterThan(50);
  });
});
