/** A segment is all prompt where no token of it is to be learned; a separator is none, where truncation left it behind the prompt. */
import { expect, test } from 'vitest';
import type { Segment } from '../../src/core/window.ts';
import { PromptOnlyCount } from '../../src/run/prompt-only.ts';

const segment = (promptTokens: number, length: number, part = 0): Segment => ({
  start: 0,
  length,
  split: 0,
  document: 0,
  source: 'a',
  documentOffset: part * length,
  part,
  group: 0,
  promptTokens,
});

test.each([
  ['split', 1, [1, 2, 16]],
  ['truncate', 1, [2, 3, 24]],
  ['truncate', 0, [1, 2, 16]],
])('%s, separators of %d tokens', (longDocuments, separator, [documents, segments, tokens]) => {
  const counted = new PromptOnlyCount({ longDocuments, separatorOf: () => separator });
  // All of it and a part behind it; all but a token; all but two; a text.
  for (const one of [segment(8, 8), segment(8, 8, 1), segment(7, 8), segment(6, 8), segment(0, 8)]) counted.add(one);
  expect({ ...counted }).toEqual({ documents, segments, tokens });
});
