/**
 * SIGKILL to `train`, and `train --resume`: the losses, evaluations and breakdowns of a run that nothing stopped, bit for bit (on
 * WASM), and the same bytes of the checkpoint and of its average.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { contents, filesBelow, temporaryFiles, temporaryFolder } from '../support/folders.ts';
import { type Ended, prep, ROOT, start } from '../support/prep.ts';
import { draws, FAULTS, type Faults, spread, writeCrashCorpus } from './harness.ts';

/** Kills in steps and at operations of saving: `test:long` has 20 and 60. */
const KILLS = Number(process.env['TRAIN_KILLS'] ?? 4);
const POINTS = Number(process.env['TRAIN_POINTS'] ?? 3);
const STEPS = 12;
const TIMEOUT = 3_600_000;

const dir = temporaryFolder();
const corpus = join(dir, 'corpus');
const seed = draws();

function train(out: string, resume: boolean, faults?: Faults) {
  const settings = ['--steps', String(STEPS), '--eval-every', '4', '--save-every', '3', '--ema', '0.9'];
  const more = ['--batch-windows', '2', '--backend', 'wasm', '--out', out, '--json', ...(resume ? ['--resume'] : [])];
  const under = faults ? ['--import', FAULTS] : [];
  const env = faults ? { ULTRAPREP_FAULTS: JSON.stringify({ ...faults, root: out, log: `${out}.log` }) } : {};
  return start(
    process.execPath,
    [...under, join(ROOT, 'dist/bundle/train.js'), corpus, ...settings, ...more],
    dir,
    env,
  );
}

type Line = { readonly kind: string; readonly step: number } & Record<string, unknown>;
/** A line without times and speeds. */
const timeless = (line: Line): Line => ({ ...line, time: 0, tokensPerSecond: 0, secondsLeft: 0 });
const parsed = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as Line);
/** What a run printed of what it records. */
const printed = (stdout: string): Line[] =>
  parsed(stdout)
    .map(({ event, ...line }) => timeless({ ...line, kind: String(event) }))
    .filter(({ kind }) => ['step', 'evaluation', 'breakdown'].includes(kind));
const recorded = (out: string): Line[] => parsed(readFileSync(join(out, 'metrics.jsonl'), 'utf8')).map(timeless);
const canResume = (out: string): boolean => existsSync(join(out, 'resume.safetensors'));
/** Hashes of what the same run leaves the same bytes of. */
const checkpoint = (out: string): [string, string][] =>
  Object.entries(contents(out)).filter(([path]) => /(model.safetensors|config.json|tokenizer.json)$/.test(path));

let whole: Line[];
let bytes: [string, string][];
/** Operations on files of an unkilled run. */
let operations: number;

function succeeded({ code, signal, stderr }: Ended): void {
  expect(code, `${signal} ${stderr}, ${seed.replay}`).toBe(0);
}

/** The folder of a run that was killed once or more and then came to its end. */
function expectWhole(out: string): void {
  expect(recorded(out), seed.replay).toEqual(whole);
  expect(checkpoint(out), seed.replay).toEqual(bytes);
  expect(temporaryFiles(out), seed.replay).toEqual([]);
}

beforeAll(async () => {
  await prep([writeCrashCorpus(join(dir, 'inputs')), '--out', corpus], { cwd: dir });
  const out = join(dir, 'whole');
  const run = train(out, false, { mode: 'record' });
  const ended = await run.ended;
  succeeded(ended);
  whole = recorded(out);
  expect(printed(ended.stdout)).toEqual(whole);
  const steps = whole.filter(({ kind }) => kind === 'step').map(({ step }) => step);
  expect(steps).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
  bytes = checkpoint(out);
  expect(bytes.map(([path]) => path)).toHaveLength(6);
  const log = readFileSync(`${out}.log`, 'utf8').trim().split('\n');
  operations = log.filter((line) => line.includes('"number"')).length;
  expect(operations).toBeGreaterThan(100);
}, 300_000);

test(`killed in ${KILLS} steps, one run going on from the other`, { timeout: TIMEOUT }, async () => {
  const out = join(dir, 'chain');
  for (let kill = 0; kill < KILLS; kill++) {
    const before = canResume(out) ? recorded(out).filter(({ kind }) => kind === 'step').length : 0;
    // Some runs come no further than the last checkpoint, some over the next one or two.
    const after = 1 + Math.floor(seed.draw() * Math.max(1, Math.min(5, STEPS - 1 - before)));
    const { child, ended } = train(out, canResume(out));
    let text = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      text += String(chunk);
      if (printed(text).filter(({ kind }) => kind === 'step').length >= after)
        setTimeout(() => child.kill('SIGKILL'), seed.draw() * 100);
    });
    const killed = await ended;
    const lines = printed(killed.stdout);
    expect(lines.length, killed.stderr).toBeGreaterThanOrEqual(after);
    // What was printed before the kill is of the whole run too.
    for (const line of lines) expect(whole, seed.replay).toContainEqual(line);
  }
  succeeded(await train(out, canResume(out)).ended);
  expectWhole(out);
});

test(`killed before ${POINTS} of all operations on files, and resumed`, { timeout: TIMEOUT }, async () => {
  for (const at of spread(operations, POINTS, seed)) {
    const out = join(dir, `point-${at}`);
    const { signal } = await train(out, false, { mode: 'kill', at }).ended;
    expect(signal, `${seed.replay}, operation ${at}`).toBe('SIGKILL');
    // Each file is whole: what is no temporary is of a save of the unkilled run.
    for (const path of existsSync(out) ? filesBelow(out) : [])
      if (path.endsWith('metrics.jsonl')) expect(whole).toEqual(expect.arrayContaining(recorded(out)));
      else if (path.endsWith('.safetensors') && !path.includes('.tmp-')) expectReadable(join(out, path));
    succeeded(await train(out, canResume(out)).ended);
    expectWhole(out);
  }
});

/** A safetensors file whose tensors end where it ends. */
function expectReadable(path: string): void {
  const content = readFileSync(path);
  const length = Number(content.readBigUInt64LE(0));
  const header = JSON.parse(content.subarray(8, 8 + length).toString()) as Record<string, { data_offsets?: number[] }>;
  const ends = Object.values(header).flatMap(({ data_offsets: offsets }) => offsets?.[1] ?? []);
  expect(8 + length + Math.max(...ends), path).toBe(content.length);
}
