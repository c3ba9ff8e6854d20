/** Places to cut, found on ids: against what the text says there. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ENDS, endsAt, tokenBits } from '../../src/core/token-ends.ts';
import { loadTokenizer } from '../../src/tokenize/index.ts';
import { TOKENIZER } from '../support/prep.ts';
import { CORPORA, corpus, hasCorpora, REAL, sampleCorpus } from '../support/tokenizers.ts';

const { nothing, character, sentence, line, paragraph } = ENDS;

/** The same question asked of the text on both sides of a place. */
function naive(before: string, after: string): number {
  const core = before.trimEnd();
  if (before.endsWith('\n')) return before.slice(core.length).split('\n').length > 2 ? paragraph : line;
  const space = core !== before || after === '' || after.trimStart() !== after;
  if (/[。！？｡।]["'”’»)\]}」』）】》]*$/.test(core)) return sentence;
  return space && /[.!?…؟]["'”’»)\]}」』）】》]*$/.test(core) ? sentence : character;
}

/** Ids are places in `tokens`. */
const endsOf = (tokens: readonly Uint8Array[]) => (id: number) => tokenBits(tokens[id]!);
const bytes = (text: string) => new TextEncoder().encode(text);

test.each<[readonly string[], number, number]>([
  [['end', '.', ' Next'], 2, sentence],
  [['3', '.', '14'], 2, character],
  [['"', 'end', '.', '”', ' He'], 4, sentence],
  [['文', '。', '下'], 2, sentence],
  [['a', ';\n', '\t\t', 'b'], 2, line],
  [['a', ';\n', '\t\t', 'b'], 3, character],
  [['a', '\n', '\n', 'b'], 2, line],
  [['a', '\n', '\n', 'b'], 3, paragraph],
  [['a', '\r', '\n', 'b'], 3, line],
  [['a', '.\n\n', 'b'], 2, paragraph],
  [['a', '\n', '  ', '\n', 'b'], 4, paragraph],
  [['a', '\n  ', 'b'], 2, character],
  [['end', '. ', 'b'], 2, sentence],
  [['end', '.'], 2, sentence],
])('%j before token %i', (tokens, at, expected) => {
  expect(endsAt(Int32Array.from(tokens.keys()), at, endsOf(tokens.map(bytes)))).toBe(expected);
});

test('a place inside a character is none', () => {
  const tokenEnds = endsOf([Uint8Array.of(0xe6), Uint8Array.of(0x96, 0x87)]);
  expect(endsAt(Int32Array.of(0, 1), 1, tokenEnds)).toBe(nothing);
});

test('a run of white space without end is looked at for a moment', () => {
  const ids = new Int32Array(1_000_000);
  const blank = tokenBits(bytes(' '));
  for (let at = 500_000; at < 1_000_000; at++) if (endsAt(ids, at, () => blank) !== character) throw new Error(`${at}`);
});

describe.skipIf(!hasCorpora)('real text', () => {
  const files = [TOKENIZER, REAL['Qwen 2.5'], REAL['GPT-2']];
  test.each(files.flatMap((file) => CORPORA.map((name) => [file.split('/').slice(-3)[0]!, name, file] as const)))(
    '%s, %s: nothing is called better than its text, and hardly anything worse',
    (_, name, file) => {
      const tokenizer = loadTokenizer(readFileSync(file), file);
      const missed = [0, 0];
      for (const text of corpus(name).slice(0, 3)) {
        const ids = tokenizer.encode(bytes(text.slice(0, 30_000)));
        for (let at = 1; at < ids.length; at++) {
          const found = endsAt(ids, at, tokenizer.tokenEnds);
          const before = tokenizer.decode(ids.subarray(Math.max(0, at - 24), at));
          const wanted = naive(before, tokenizer.decode(ids.subarray(at, at + 4)));
          if (found > wanted) throw new Error(`${JSON.stringify(before)}: ${found}, its text says ${wanted}`);
          if (wanted > character) missed[found < wanted ? 1 : 0]!++;
        }
      }
      expect(missed[0]).toBeGreaterThan(20);
      // A stop of three bytes that are two tokens is not seen.
      expect(missed[1]! / missed[0]!).toBeLessThan(name === 'zh' ? 0.2 : 0.02);
    },
  );
});

test('the bundled sample has all of them', () => {
  const tokenizer = loadTokenizer(readFileSync(TOKENIZER), TOKENIZER);
  const found = new Set<number>();
  for (const text of sampleCorpus()) {
    const ids = tokenizer.encode(bytes(text));
    for (let at = 1; at < ids.length; at++) found.add(endsAt(ids, at, tokenizer.tokenEnds));
  }
  for (const kind of [character, sentence, line, paragraph]) expect(found.has(kind)).toBe(true);
});
