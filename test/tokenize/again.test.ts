import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Document } from '../../src/core/document.ts';
import { loadTokenizer, tokenizeStage } from '../../src/tokenize/index.ts';
import { documentOf } from '../support/documents.ts';
import { TOKENIZER } from '../support/prep.ts';

const bytes = ({ buffer, byteOffset, byteLength }: Int32Array) => new Uint8Array(buffer, byteOffset, byteLength);
const context = { reject: () => {}, progress: () => {} };

/** Batches of texts from none to more than the kernel takes at once. */
async function* batches() {
  for (let batch = 0; batch < 12; batch++) {
    const items: Document[] = [];
    for (let i = 0; i < 20; i++) {
      const words = i === 3 ? 60_000 : (batch * 31 + i * 17) % 400;
      items.push(documentOf(Array.from({ length: words }, (_, at) => `word${(at * (i + 1)) % 997}`).join(' '), i));
    }
    yield { items, cursor: { bytes: 0, records: 0 } };
  }
}

test('ids that lie in the same memory, batch after batch, are those of each text', async () => {
  const name = TOKENIZER;
  const [ours, other] = [loadTokenizer(readFileSync(name), name), loadTokenizer(readFileSync(name), name)];
  const buffers = new Set<ArrayBufferLike>();
  let tokens = 0;
  for await (const { items } of tokenizeStage(ours, true).run(batches(), context))
    for (const { ids, document } of items) {
      const found = ids as Int32Array;
      expect(Buffer.compare(bytes(found), bytes(other.encode(document.text)))).toBe(0);
      if (found.length > 0) buffers.add(found.buffer);
      tokens += found.length;
    }
  expect(tokens * 4).toBeGreaterThan(10 * 2 ** 20);
  expect(buffers.size).toBeLessThan(6);
});
