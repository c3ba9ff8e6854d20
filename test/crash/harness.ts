/** Runs of the built `prep` over a small corpus, with something going wrong in them. */
import { mkdirSync, readFileSync, statSync, writeFileSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { writePipeline } from '../support/corpus.ts';
import { contents, filesBelow } from '../support/folders.ts';
import { type Ended, PREP, type Running, SAMPLES, start, TOKENIZER } from '../support/prep.ts';
import type { Image } from './disk.ts';
import { OUT } from './promises.ts';
import { readLog, readTrace, type Trace } from './trace.ts';

export const FAULTS = pathToFileURL(fileURLToPath(new URL('faults.mjs', import.meta.url))).href;

export const CRASH = {
  name: 'crash',
  inputs: [
    { source: 'a', paths: ['chapters.jsonl'] },
    { source: 'b', paths: ['definitions.jsonl.gz'] },
  ],
  tokenizer: TOKENIZER,
  window: 256,
  validation: 0.1,
  duplicates: 'drop',
  split_bytes: '6KiB',
  noise: { passes: 1, per: 'document', bitsets: true },
  limits: { reject_share: 0.1 },
};

/**
 * Six splits of 6 KiB: of a plain file, and of a compressed one that is cut while it is read; a record that is rejected. What
 * becomes of them is 8 shards, two of them from tails. Returns the pipeline file.
 */
export function writeCrashCorpus(dir: string): string {
  mkdirSync(dir, { recursive: true });
  const lines = (text: string, bytes: number) => text.slice(0, text.lastIndexOf('\n', bytes) + 1);
  const chapters = readFileSync(join(SAMPLES, 'corpus/chapters.jsonl')).toString();
  writeFileSync(join(dir, 'chapters.jsonl'), `${lines(chapters, 12_000)}{"text": 17}\n`);
  const definitions = gunzipSync(readFileSync(join(SAMPLES, 'corpus/definitions.jsonl.gz'))).toString();
  writeFileSync(join(dir, 'definitions.jsonl.gz'), gzipSync(lines(definitions, 18_000)));
  return writePipeline(dir, CRASH);
}

export interface Faults {
  readonly mode: 'record' | 'kill' | 'fail' | 'blind' | 'slow';
  /** Number of the operation. */
  readonly at?: number;
  readonly code?: 'ENOSPC' | 'EIO' | 'SHORT';
  readonly always?: boolean;
  /** Milliseconds. */
  readonly wait?: number;
}

export interface Run {
  /** A folder of its own: the corpus is in `out` below it, the log beside it. */
  readonly at: string;
  readonly pipeline: string;
  readonly workers: number;
  /** Another build's command. */
  readonly prep?: string | undefined;
}

export const outOf = ({ at }: Pick<Run, 'at'>): string => join(at, OUT);
const logOf = ({ at }: Pick<Run, 'at'>): string => `${at}.log`;
const argsOf = (run: Run): string[] => [
  run.prep ?? PREP,
  run.pipeline,
  '--workers',
  String(run.workers),
  '--out',
  outOf(run),
  '--json',
];

export function startWith(run: Run, faults: Faults): Running {
  mkdirSync(run.at, { recursive: true });
  writeFileSync(logOf(run), '');
  const settings = JSON.stringify({ ...faults, root: run.at, log: logOf(run) });
  return start(process.execPath, ['--import', FAULTS, ...argsOf(run)], run.at, { ULTRAPREP_FAULTS: settings });
}

export const runWith = (run: Run, faults: Faults): Promise<Ended> => startWith(run, faults).ended;
export const startRun = (run: Run): Running => (
  mkdirSync(run.at, { recursive: true }),
  start(process.execPath, argsOf(run), run.at)
);

export async function record(run: Run): Promise<Trace> {
  succeeded(await runWith(run, { mode: 'record' }));
  return readTrace(logOf(run));
}

export interface Failure {
  /** The operation. */
  readonly failed: string;
  readonly path: string;
}

/** What failed in a run, in the order of its failing. */
export const failuresOf = (run: Run): Failure[] =>
  readLog(logOf(run)).flatMap((line) => ('failed' in line ? [line] : []));

export function succeeded(ended: Ended): void {
  if (ended.code !== 0) throw new Error(`exit ${ended.code ?? ended.signal}: ${ended.stderr}`);
}

/** Finishes what is in a folder, without faults, and says how it differs from `expected`: an empty list when it does not. */
export async function finish(run: Run, expected: Readonly<Record<string, string>>): Promise<string[]> {
  const receipts = stamps(outOf(run));
  const ended = await startRun(run).ended;
  if (ended.code !== 0) return [`exit ${ended.code ?? ended.signal}: ${ended.stderr.trim()}`];
  const after = stamps(outOf(run));
  return [
    ...differences(outOf(run), expected),
    ...[...receipts].filter(([name, stamp]) => after.get(name) !== stamp).map(([name]) => `${name}: made again`),
  ];
}

/** How a corpus differs from what it should be. */
export function differences(out: string, expected: Readonly<Record<string, string>>): string[] {
  const found = contents(out);
  const paths = new Set([...Object.keys(found), ...Object.keys(expected)]);
  return [...paths].filter((path) => found[path] !== expected[path]).map((path) => `${path}: differs`);
}

/** Receipts of splits that are whole, with what tells whether they were written again. */
export function stamps(out: string): Map<string, string> {
  const folder = join(out, 'receipts');
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => /^\d+\.json$/.test(name)) : [];
  return new Map(
    names.map((name) => {
      const { ino, mtimeMs } = statSync(join(folder, name));
      return [name, `${ino} ${mtimeMs}`];
    }),
  );
}

export const imageOfFolder = (dir: string): Image =>
  new Map((existsSync(dir) ? filesBelow(dir) : []).map((path) => [path, readFileSync(join(dir, path))]));

/** Draws for tests, by a seed that a failing test prints. */
export interface Draws {
  readonly replay: string;
  /** In [0, 1). */
  draw(): number;
}

/** mulberry32. */
export function draws(): Draws {
  const seed = Number(process.env['CRASH_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  let state = seed;
  return {
    replay: `replay with CRASH_SEED=${seed}`,
    draw() {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    },
  };
}

/** `some` of `all` points, one from each of as many stretches; all where there are no more. */
export const spread = (all: number, some: number, { draw }: Draws): number[] =>
  some >= all
    ? Array.from({ length: all }, (_, i) => i)
    : Array.from({ length: some }, (_, i) => Math.floor(((i + draw()) * all) / some));

/** Two at a time: there are two cores. */
export async function inPairs<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const take = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all([take(), take()]);
}
