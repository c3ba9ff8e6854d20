import { execFile, execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { activate } from '../../src/train/backend/load.ts';
import { runTraining, type TrainEvent } from '../../src/train/index.ts';
import { temporaryFolder } from '../support/folders.ts';
import { CONFIG, countingCorpus, settingsFor } from '../train/counting.ts';

const run = promisify(execFile);
const python = process.env.ULTRAPREP_PYTHON ?? '.venv/bin/python';
const there = ((): boolean => {
  try {
    execFileSync(python, ['-c', 'import tensorboard'], { stdio: 'ignore' });
    return true;
  } catch {
    console.warn(`no tensorboard in ${python}: its interop test is skipped; \`npm run venv\` makes it`);
    return false;
  }
})();

interface Found {
  readonly records: number[];
  readonly scalars: Record<string, [number, number][]>;
  readonly ascending: boolean;
  readonly since: number;
}

describe.runIf(there)('TensorBoard', () => {
  const dir = temporaryFolder();
  const out = join(dir, 'train');
  const folder = join(out, 'tensorboard');
  const begun = Date.now() / 1000;
  const read = async (): Promise<Found> =>
    JSON.parse((await run(python, ['test/interop/read_tensorboard.py', folder])).stdout) as Found;

  beforeAll(async () => {
    await activate('wasm');
    const corpus = await countingCorpus(dir);
    const train = async (until: number, resume: boolean): Promise<void> => {
      const stop = new AbortController();
      const hear = (event: TrainEvent): void => {
        if (event.kind === 'step' && event.step >= until) stop.abort();
      };
      const settings = { ...settingsFor(12, out), evalEvery: 4, saveEvery: 3, resume };
      await runTraining(corpus, CONFIG, settings, hear, stop.signal);
    };
    await train(8, false);
    await train(Infinity, true);
  }, 60_000);

  test('reads the scalars of a run that was resumed, each step once', async () => {
    const { scalars, records, ascending, since } = await read();
    const lines = readFileSync(join(out, 'metrics.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; step: number; loss: number; of?: string; byP: Bins });
    const of = (kind: string): [number, number][] =>
      lines.filter((line) => line.kind === kind).map(({ step, loss }) => [step, Math.fround(loss)]);
    expect(scalars['train/loss']).toEqual(of('step'));
    expect(scalars['held-out/loss']).toEqual(of('evaluation'));
    expect(of('step').map(([step]) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    const bin = lines
      .filter((line) => line.of === 'held-out')
      .flatMap(({ step, byP }) => (byP.loss[3] === null ? [] : [[step, Math.fround(byP.loss[3]!)]]));
    expect(bin.length).toBeGreaterThan(1);
    expect(scalars['held-out_by_p/0.3']).toEqual(bin);
    expect(Object.keys(scalars).filter((tag) => /^train_by_position\/000003[23]$/.test(tag))).toHaveLength(1);
    // A version a file, and a record a line.
    expect(records.reduce((a, b) => a + b, 0)).toBe(lines.length + records.length);
    expect(records.length).toBeGreaterThan(3);
    expect(ascending).toBe(true);
    expect(since).toBeGreaterThanOrEqual(begun);
  });

  test('does not read on behind a byte that is not what was written (so the test above can fail)', async () => {
    const before = (await read()).records;
    const path = join(folder, readdirSync(folder)[0]!);
    const bytes = readFileSync(path);
    bytes[60]! ^= 1;
    writeFileSync(path, bytes);
    const [first, ...more] = (await read()).records;
    expect(first).toBeLessThan(before[0]!);
    expect(more).toEqual(before.slice(1));
  });
});

interface Bins {
  readonly loss: (number | null)[];
}
