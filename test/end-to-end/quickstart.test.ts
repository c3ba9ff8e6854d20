import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openCorpus } from '../../src/shard/index.ts';
import { temporaryFolder } from '../support/folders.ts';
import { prep, ROOT, start } from '../support/prep.ts';

type Event = { event: string } & Record<string, unknown>;

/** Cross-entropy, in nats a token, of the training windows' unigram (add-one) on the held-out windows' tokens. */
async function unigram(dir: string): Promise<number> {
  const corpus = await openCorpus(dir);
  const counts = new Float64Array(corpus.manifest.tokenizer.vocabSize).fill(1);
  const each = async (subset: 'train' | 'validation', see: (id: number) => void) => {
    for (const window of corpus.numbers(subset)) {
      const { inputIds, numTokens } = await corpus.read(window);
      inputIds.subarray(0, numTokens).forEach(see);
    }
  };
  await each('train', (id) => counts[id]!++);
  const all = counts.reduce((sum, n) => sum + n, 0);
  let [nats, tokens] = [0, 0];
  await each('validation', (id) => {
    nats -= Math.log(counts[id]! / all);
    tokens++;
  });
  await corpus.close();
  return nats / tokens;
}

describe('prep && train on the bundled sample', () => {
  let dir: string;
  let events: Event[];
  const event = (name: string): Event => events.find((e) => e.event === name)!;

  beforeAll(async () => {
    const cwd = temporaryFolder();
    dir = join(cwd, 'quickstart');
    await prep(['--out', dir], { cwd });
    // Steps, not minutes: the same losses on a slow machine. 45 s on two cores.
    const { code, stdout, stderr } = await start(
      process.execPath,
      [join(ROOT, 'dist/bundle/train.js'), dir, '--steps', '200', '--json'],
      cwd,
      // As where nothing is set up: wasm, and not a word of TensorFlow's own.
      { ULTRAPREP_CACHE: cwd },
    ).ended;
    expect(stderr).toBe('');
    expect(code).toBe(0);
    events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Event);
  }, 300_000);

  test('really learns: held-out loss clearly below the training unigram', async () => {
    const expected = await unigram(dir);
    expect(event('done').unigram).toBeCloseTo(expected, 9);
    // 0.4 nats below when this was written; 0.2 is far outside what the sampling of masks can do (0.02).
    expect(event('done').heldOut).toBeLessThan(expected - 0.2);
  });

  test('the loss falls', () => {
    const losses = events.filter((e) => e.event === 'step').map((e) => e.loss as number);
    expect(losses).toHaveLength(200);
    const mean = (some: number[]) => some.reduce((a, b) => a + b, 0) / some.length;
    expect(mean(losses.slice(-40))).toBeLessThan(mean(losses.slice(0, 40)) - 0.5);
  });

  test('leaves a checkpoint, a curve and a sample', () => {
    const files = event('files') as unknown as { checkpoint: string; curve: string; metrics: string };
    const header = readFileSync(files.checkpoint);
    const length = Number(header.readBigUInt64LE(0));
    const tensors = JSON.parse(header.subarray(8, 8 + length).toString()) as Record<string, { shape: number[] }>;
    expect(tensors['model.transformer.wte.weight']?.shape).toEqual([4096, 64]);
    expect(readFileSync(files.curve, 'utf8')).toMatch(/^<svg[^]*held-out[^]*<\/svg>\s*$/);
    expect(readFileSync(files.metrics, 'utf8').trim().split('\n').length).toBeGreaterThan(200);
    expect((event('sample').continuation as string).length).toBeGreaterThan(10);
  });
});
