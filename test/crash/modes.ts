/** What can go wrong in a run, one function a mode: each says what was not as it must be afterwards. Empty lists are good news. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { contents, temporaryFiles } from '../support/folders.ts';
import {
  differences,
  type Draws,
  failuresOf,
  type Failure,
  type Faults,
  finish,
  imageOfFolder,
  outOf,
  record,
  type Run,
  runWith,
} from './harness.ts';
import { killsOf, type Loss, lossesOf } from './losses.ts';
import { broken, type Committed, committedBy } from './promises.ts';
import { isTemporaryPath, type Trace } from './trace.ts';

/** A build under test, and what an unbroken run of it does. */
export interface Build {
  /** Its command; undefined is the one of this checkout. */
  readonly prep: string | undefined;
  readonly pipeline: string;
  /** Where its runs are. */
  readonly dir: string;
  readonly trace: Trace;
  readonly committed: Committed;
  /** Path to sha256 of what is left in the end. */
  readonly expected: Readonly<Record<string, string>>;
}

export async function lookedAt(dir: string, pipeline: string, prep?: string): Promise<Build> {
  const whole: Run = { at: join(dir, 'whole'), pipeline, workers: 1, prep };
  const trace = await record(whole);
  return { prep, pipeline, dir, trace, committed: committedBy(trace), expected: contents(outOf(whole)) };
}

const runOf = ({ dir, pipeline, prep }: Build, name: string, workers: number): Run => ({
  at: join(dir, name),
  pipeline,
  workers,
  prep,
});

/** What is wrong in a folder as it is, and after the next run with another number of workers. Removes it where nothing is. */
async function afterwards(build: Build, run: Run): Promise<string[]> {
  const now = broken(imageOfFolder(run.at), [], build.committed);
  const problems = [...now, ...(await finish({ ...run, workers: run.workers === 1 ? 2 : 1 }, build.expected))];
  if (problems.length === 0) rmSync(run.at, { recursive: true });
  return problems;
}

export interface Outcome {
  /** False where the run had ended before. */
  readonly hit: boolean;
  readonly problems: readonly string[];
}

/** Killed before an operation. */
export async function killedAt(build: Build, point: number, workers: number): Promise<Outcome> {
  const run = runOf(build, `killed-${point}-${workers}`, workers);
  const { signal, code, stderr } = await runWith(run, { mode: 'kill', at: point });
  const ended = signal === 'SIGKILL' || code === 0 ? [] : [`exit ${code}: ${stderr}`];
  return { hit: signal === 'SIGKILL', problems: [...ended, ...(await afterwards(build, run))] };
}

const CODES = { ENOSPC: 'DISK_FULL', EIO: 'IO_FAILED' } as const;
/** Claims are hints: where they fail, work is done twice at worst. */
const isHint = ({ path }: Failure): boolean => path.split('/').includes('claims');
/** Their folder is removed by whoever is done with it, which nobody minds failing, and once more with what a survey leaves, which is told. */
const maybeTold = ({ failed, path }: Failure): boolean => failed === 'rmdir' && path.endsWith('/claims');

/** An operation fails, or all from there on. */
export async function failedAt(build: Build, faults: Faults & { code: keyof typeof CODES }): Promise<Outcome> {
  const { code, always, at } = faults;
  const run = runOf(build, `${code}-${always ? 'from' : 'at'}-${at}`, 1);
  const ended = await runWith(run, faults);
  const failures = failuresOf(run);
  const told = failures.find((failure) => !isHint(failure));
  const first = told ?? (ended.code === 74 ? failures.find(maybeTold) : undefined);
  const problems: string[] = [];
  if (ended.code !== (first ? 74 : 0)) problems.push(`exit ${ended.code}, ${first?.path}: ${ended.stderr}`);
  else if (first) {
    const { message, ...error } = JSON.parse(ended.stderr) as {
      code: string;
      message: string;
      details: { file: string };
    };
    const { file } = error.details;
    if (error.code !== CODES[code] || !message.includes(file) || !file.startsWith(run.at)) problems.push(ended.stderr);
    // What can still be removed is: only a disk that refuses everything keeps temporaries until the next run.
    if (!always || code === 'ENOSPC') problems.push(...temporaryFiles(outOf(run)).map((path) => `${path}: left over`));
  }
  return { hit: first !== undefined, problems: [...problems, ...(await afterwards(build, run))] };
}

/** A run that goes on from what is in `from` cannot look at something there. */
export async function blindAt(build: Build, from: string, at: number): Promise<Outcome> {
  const run = runOf(build, `blind-${at}`, 1);
  cpSync(from, run.at, { recursive: true });
  const ended = await runWith(run, { mode: 'blind', at });
  const [first] = failuresOf(run);
  // Not all that it looks at matters: claims, what the dead left, what another has merged.
  const told = ended.code === 0 || (ended.code === 74 && first && ended.stderr.includes('"code":"IO_FAILED"'));
  const problems = told ? [] : [`exit ${ended.code}, ${first?.path}: ${ended.stderr}`];
  return { hit: ended.code === 74, problems: [...problems, ...(await afterwards(build, run))] };
}

/** Writes take a part of what they are given. */
export async function shortFrom(build: Build, at: number, always: boolean): Promise<string[]> {
  const run = runOf(build, `short-${always ? 'from' : 'at'}-${at}`, 2);
  const { code, stderr } = await runWith(run, { mode: 'fail', code: 'SHORT', at, always });
  return code === 0 && stderr === '' ? differences(outOf(run), build.expected) : [`exit ${code}: ${stderr}`];
}

/** Run with so many workers, of whom some are slow. */
export async function slowly(build: Build, workers: number, wait: number): Promise<string[]> {
  const run = runOf(build, `slow-${workers}`, workers);
  const { code, stderr } = await runWith(run, { mode: 'slow', wait });
  return code === 0 ? differences(outOf(run), build.expected) : [`exit ${code}: ${stderr}`];
}

export interface Looked {
  /** Images looked at. */
  readonly images: number;
  /** Those of them that hold temporaries: where nothing was under way, nothing is proved. */
  readonly underWay: number;
  /** One line for each image that is not as it must be. */
  readonly problems: readonly string[];
}

/** Power losses all over a recorded run; nothing goes on from them. */
export const powerLosses = (build: Build, trace: Trace, schedules: number, draws: Draws): Looked =>
  look(lossesOf(trace.operations, schedules, draws), build.committed);

/** Kills after every operation of a recorded run; nothing goes on from them. */
export const kills = (build: Build, trace: Trace): Looked => look(killsOf(trace.operations), build.committed);

function look(losses: Iterable<Loss>, committed: Committed): Looked {
  const problems: string[] = [];
  let [images, underWay] = [0, 0];
  for (const { image, done, name } of losses) {
    images++;
    if ([...image.keys()].some(isTemporaryPath)) underWay++;
    const [first] = broken(image, done, committed);
    if (first !== undefined) problems.push(`${name}: ${first}`);
  }
  return { images, underWay, problems };
}
