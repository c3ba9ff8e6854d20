import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { TokenRun } from '../../src/core/document.ts';
import { decidedStage, type MixRules, type Verdicts } from '../../src/mix/index.ts';

const RULES: MixRules = {
  all: { epochs: 1, tokens: null, minTokens: 0, maxTokens: null },
  bySource: {},
  duplicates: 'drop',
};
const hashOf = (text: string) => createHash('sha256').update(text).digest();

async function verdictsOn(surveyed: string, packed: string): Promise<string[]> {
  const hashes = BigInt64Array.from(surveyed, (text) => hashOf(text).readBigInt64LE());
  const verdicts: Verdicts = {
    length: surveyed.length,
    hashes,
    verdict: (i) => ({ copies: i, dropped: '' }),
  };
  const items = Array.from(packed, (text, record): TokenRun => {
    const origin = { input: 0, record, start: 0, end: 0 };
    const document = { origin, id: null, text: new Uint8Array(0), group: 0n, hash: hashOf(text) };
    return { document, ids: new Int32Array(0) };
  });
  const input = (async function* () {
    yield { items, cursor: { bytes: 0, records: 0 } };
  })();
  const found: string[] = [];
  const stage = decidedStage(RULES, verdicts, [{ path: 'a.jsonl' }]);
  for await (const batch of stage.run(input, { reject() {}, progress() {} }))
    for (const { verdict } of batch.items) found.push(String(verdict?.copies));
  return found;
}

test('a document has the verdict on its text, in the order of the survey, also behind others that did not come', async () => {
  expect(await verdictsOn('abcab', 'abcab')).toEqual(['0', '1', '2', '3', '4']);
  expect(await verdictsOn('abcab', 'acb')).toEqual(['0', '2', '4']);
  expect(await verdictsOn('abcab', 'bb')).toEqual(['1', '4']);
});

test.each([
  ['abc', 'abd'],
  ['abc', 'acb'],
  ['ab', 'aba'],
])('surveyed %s, packed %s: the file has changed', async (surveyed, packed) => {
  await expect(verdictsOn(surveyed, packed)).rejects.toMatchObject({
    code: 'FINGERPRINT_MISMATCH',
    details: { place: 'a.jsonl', field: expect.stringContaining('content of record') as string },
  });
});
