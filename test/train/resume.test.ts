import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Corpus } from '../../src/shard/corpus.ts';
import { activate } from '../../src/train/backend/load.ts';
import { ADAMW } from '../../src/train/optimizer.ts';
import { runTraining } from '../../src/train/run.ts';
import type { RunSettings, TrainEvent } from '../../src/train/run-types.ts';
import { CONFIG, countingCorpus, scheduleTo, settingsFor } from './counting.ts';

let dir = '';
let corpus: Corpus;
beforeAll(async () => {
  await activate('wasm');
  dir = await mkdtemp(join(tmpdir(), 'ultraprep-resume-'));
  corpus = await countingCorpus(dir);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const EMA = { ...ADAMW, averageDecay: 0.9 };

/** Runs until step `until` or an event that `stopAt` waits for; what is to be the same in a run that nothing stopped. */
async function run(
  given: Partial<RunSettings>,
  until = Infinity,
  from = corpus,
  stopAt: TrainEvent['kind'] = 'step',
): Promise<unknown[]> {
  const seen: TrainEvent[] = [];
  const stop = new AbortController();
  const hear = (event: TrainEvent): void => {
    seen.push(event);
    if (event.kind === stopAt && 'step' in event && event.step >= until) stop.abort();
  };
  const all = { ...settingsFor(24, join(dir, 'resumed')), optimizer: EMA, evalEvery: 10, saveEvery: 4, ...given };
  await runTraining(from, CONFIG, all, hear, stop.signal);
  return figures(seen);
}

/** Without times and speeds. */
const figures = (lines: readonly { kind: string }[]): unknown[] =>
  lines
    .filter(({ kind }) => kind === 'step' || kind === 'evaluation' || kind === 'breakdown')
    .map((line) => ({ ...line, time: 0, tokensPerSecond: 0, secondsLeft: 0, steps: 0 }));

const metrics = async (name: string): Promise<unknown[]> =>
  figures(
    (await readFile(join(dir, name, 'metrics.jsonl'), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string }),
  );

/** Names and numbers of the event files of a run. */
const eventFiles = async (name: string): Promise<number[]> =>
  (await readdir(join(dir, name, 'tensorboard'))).map((file) => Number(/tfevents\.(\d+)\.ultraprep$/.exec(file)![1]));

describe('a run that was stopped', () => {
  let whole: unknown[];
  const weights = (name: string): Promise<Buffer[]> =>
    Promise.all(['model.safetensors', 'ema/model.safetensors'].map((file) => readFile(join(dir, name, file))));

  it('goes on to the same losses, breakdowns, weights and averaged weights, bit for bit', async () => {
    whole = await run({ out: join(dir, 'unbroken') });
    const before = tf.memory().numTensors;
    const parts = [...(await run({}, 7)), ...(await run({ resume: true }, 15)), ...(await run({ resume: true }))];
    expect(parts).toEqual(whole);
    expect(tf.memory().numTensors).toBe(before);
    expect(await weights('resumed')).toEqual(await weights('unbroken'));
    const [last, average] = await weights('unbroken');
    expect(last).not.toEqual(average);
    expect(await metrics('resumed')).toEqual(whole);
    expect(await metrics('unbroken')).toEqual(whole);
  });

  it('makes up for the evaluation that it was stopped in', async () => {
    const out = join(dir, 'in-evaluation');
    // The signal comes with step 10, which an evaluation follows.
    const parts = [...(await run({ out }, 10)), ...(await run({ out, resume: true }))];
    expect(parts).toEqual(whole);
    expect(await metrics('in-evaluation')).toEqual(whole);
  });

  it('stays as it is when it was done', async () => {
    const files = await eventFiles('resumed');
    expect(await run({ resume: true })).toEqual([]);
    expect(await metrics('resumed')).toEqual(whole);
    expect(await weights('resumed')).toEqual(await weights('unbroken'));
    expect(await eventFiles('resumed')).toEqual(files);
  });

  it('leaves no event of a step that it makes again, nor of the run before in its folder', async () => {
    const out = join(dir, 'events');
    await run({ out });
    const first = await eventFiles('events');
    expect(first.at(-1)).toBe(whole.length);
    // Another run in that folder, without an average; then a save that a kill comes before the end of: its events are there.
    await run({ out, optimizer: ADAMW, saveEvery: 100 }, 12);
    expect(await eventFiles('events')).toEqual([15]);
    expect(await readdir(join(out, 'ema'))).not.toContain('model.safetensors');
    await writeFile(join(out, 'tensorboard/events.out.tfevents.0000000016.ultraprep'), '');
    await run({ out, optimizer: ADAMW, saveEvery: 100, resume: true });
    expect(await eventFiles('events')).toEqual([15, whole.length]);
  });

  it('is not resumed with noise that was made anew', async () => {
    const noise: Corpus['noise'] = async (pass) => {
      const found = await corpus.noise(pass);
      return { ...found, form: { ...found.form, eps: 0.01 } };
    };
    await expect(run({ resume: true }, Infinity, { ...corpus, noise })).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      message: expect.stringMatching(/noise of pass 0 was .*"eps":0.001.*, not .*"eps":0.01/) as string,
    });
  });

  it('is not resumed on another corpus', async () => {
    const other = { ...corpus, manifest: { ...corpus.manifest, plan: 'another' } };
    await expect(run({ resume: true }, Infinity, other)).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      message: expect.stringMatching(/corpus was "memory", not "another"/) as string,
    });
  });

  it.each<[string, Partial<RunSettings>, RegExp]>([
    ['another learning rate', { schedule: scheduleTo(0.02) }, /learningRate was 0.01, not 0.02/],
    ['another length', { steps: 25 }, /steps was 24, not 25/],
    ['another decay of the average', { optimizer: { ...EMA, averageDecay: 0.5 } }, /averageDecay was 0.9, not 0.5/],
    ['no average', { optimizer: ADAMW }, /averageDecay was 0.9, not null/],
    ['nothing to resume', { out: join('nowhere', 'at-all') }, /has no resume.safetensors/],
  ])('is not resumed with %s', async (_, change, message) => {
    const before = tf.memory().numTensors;
    await expect(run({ resume: true, ...change })).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      message: expect.stringMatching(message) as string,
    });
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('what a run left, damaged', () => {
  const out = (): string => join(dir, 'unbroken');
  const refused = async (place: RegExp): Promise<void> => {
    const before = tf.memory().numTensors;
    await expect(run({ out: out(), resume: true })).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: expect.stringMatching(place) as string,
    });
    expect(tf.memory().numTensors).toBe(before);
  };
  const damaged = async (name: string, damage: (path: string, content: Buffer) => Promise<void>, place: RegExp) => {
    const path = join(out(), name);
    const content = await readFile(path);
    await damage(path, content);
    await refused(place);
    await writeFile(path, content);
  };

  it('is refused: a resume file that is cut short', () =>
    damaged('resume.safetensors', (path, content) => truncate(path, content.length - 4), /are not in the file/));

  it.each([
    ['a step below 0', '"step":24', '"step":-4'],
    ['a guard without its norm', '"norm"', '"mron"'],
    ['a tally of fewer bins', '"byPosition":{"tokens":[0,', '"byPosition":{"tokens":["0",'],
  ])('is refused: progress with %s', (_, from, to) =>
    damaged(
      'resume.safetensors',
      async (path, content) => {
        // In the header, as JSON in JSON; the header's length is made good for by blanks.
        const length = Number(content.readBigUInt64LE(0));
        const [was, is] = [from, to].map((text) => text.replaceAll('"', '\\"'));
        const header = content
          .subarray(8, 8 + length)
          .toString()
          .trimEnd();
        expect(header).toContain(was);
        const changed = Buffer.from(header.replace(was!, is!).padEnd(length + 8));
        const size = Buffer.alloc(8);
        size.writeBigUInt64LE(BigInt(changed.length));
        await writeFile(path, Buffer.concat([size, changed, content.subarray(8 + length)]));
      },
      /progress: is not what a run writes/,
    ),
  );

  it('is refused: metrics that are cut short, or no JSON', async () => {
    await damaged('metrics.jsonl', (path, content) => truncate(path, content.length >> 1), /metrics.jsonl: line \d+:/);
    await damaged(
      'metrics.jsonl',
      (path, content) => writeFile(path, `x${content.toString()}`),
      /metrics.jsonl: line 1:/,
    );
  });
});
