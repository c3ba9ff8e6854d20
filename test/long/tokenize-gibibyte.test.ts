import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { buildModel, isForeign, modelBytes, openTokenizer } from '../../src/tokenize/index.ts';
import { corpus, CORPORA, firstDifference, random, REAL } from '../support/tokenizers.ts';

const MIB = 2 ** 20;
const CHILD = fileURLToPath(new URL('stream-child.mjs', import.meta.url));

interface Streamed {
  readonly bytes: number;
  readonly tokens: number;
  readonly runs: number;
  readonly sha256: string;
  /** MiB of resident memory, from before the first piece to the highest. */
  readonly grown: number;
  readonly seconds: number;
}

/**
 * Texts that a word and a normalized stretch surely begin and end with, so that the ids of many are the ids of each: by
 * Qwen's pattern a newline never goes with the letter after it, and no added token holds either.
 */
function independentTexts(): Buffer[] {
  const { below } = random(41);
  const texts = CORPORA.flatMap((name) => corpus(name)).map((text) => text.toWellFormed());
  // What NFC changes all along, and added tokens.
  for (let i = 0; i < 200; i++) {
    const words = Array.from({ length: 2000 }, () =>
      String.fromCharCode(...Array.from({ length: 1 + below(5) }, () => 0xac00 + below(11_172))),
    );
    texts.push(words.join(' ').normalize('NFD'));
    texts.push(`<tool_call>${words.slice(0, 20).join('</tool_call>')}<tool_call`);
  }
  return texts.map((text) => Buffer.from(`Text: ${text}\n`));
}

test('a document of 1 GiB in pieces, in the memory of a small one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ultraprep-gibibyte-'));
  try {
    const model = buildModel(readFileSync(REAL['Qwen 2.5']), 'qwen');
    if (isForeign(model)) throw new Error(model.why);
    const tokenizer = openTokenizer(model);
    const texts = independentTexts();
    const idsOf = texts.map((text) => tokenizer.encode(text));

    const { below } = random(42);
    const order: number[] = [];
    let [bytes, tokens] = [0, 0];
    const hash = createHash('sha256');
    while (bytes < 1024 * MIB) {
      const text = below(texts.length);
      const ids = idsOf[text]!;
      order.push(text);
      bytes += texts[text]!.length;
      tokens += ids.length;
      hash.update(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
    }

    // That the ids of many are the ids of each, on the first 64 MiB at once.
    let size = 0;
    const first = order.slice(
      0,
      order.findIndex((text) => (size += texts[text]!.length) > 64 * MIB),
    );
    const whole = tokenizer.encode(Buffer.concat(first.map((text) => texts[text]!)));
    let at = 0;
    for (const text of first) {
      const ids = idsOf[text]!;
      expect(firstDifference(whole.subarray(at, at + ids.length), ids)).toBe(-1);
      at += ids.length;
    }
    expect(at).toBe(whole.length);

    let end = 0;
    const ends = texts.map((text) => (end += text.length));
    writeFileSync(join(folder, 'model'), modelBytes(model));
    writeFileSync(join(folder, 'texts'), Buffer.concat(texts));
    writeFileSync(join(folder, 'order.json'), JSON.stringify({ ends, order }));
    const { stdout } = await promisify(execFile)(process.execPath, [CHILD, folder]);
    const streamed = JSON.parse(stdout) as Streamed;
    expect(streamed).toMatchObject({ bytes, tokens, sha256: hash.digest('hex') });
    expect(streamed.runs).toBeGreaterThan(1024);
    // 43 were measured: caches and room of the kernel, which are touched for the first time.
    expect(streamed.grown).toBeLessThan(100);
  } finally {
    await rm(folder, { recursive: true });
  }
});
