/** What a run did to its folder, operation by operation, as faults.mjs wrote it down. */
import { readFileSync } from 'node:fs';

/** `path` is relative to the folder that was watched. */
export type Operation = {
  readonly thread: number;
  /** Its number, as a point to kill or to fail at: small writes have none. */
  readonly number?: number;
} & (
  | { readonly op: 'mkdir' | 'unlink' | 'rmdir' | 'rm' | 'syncFolder'; readonly path: string }
  | { readonly op: 'create' | 'sync'; readonly path: string; readonly file: number }
  | { readonly op: 'write'; readonly path: string; readonly file: number; readonly data: string }
  | { readonly op: 'rename' | 'link'; readonly path: string; readonly to: string }
  /** The program said that the file of this name, relative to the corpus folder, is committed. */
  | { readonly op: 'ack'; readonly path: string }
);

export interface Trace {
  readonly operations: readonly Operation[];
  /** How many there were to count: as many points to kill or to fail at. */
  readonly points: number;
  /** How often it looked at a file or a folder. */
  readonly looks: number;
}

type Line = Operation | { operations: number; looks: number } | { failed: string; path: string; number: number };

export const readLog = (path: string): Line[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

export function readTrace(path: string): Trace {
  const lines = readLog(path);
  const operations = lines.filter((line): line is Operation => 'op' in line);
  const end = lines.find((line) => 'operations' in line);
  if (end === undefined) throw new Error(`${path}: the run did not come to its end`);
  return { operations, points: end.operations, looks: end.looks };
}

const TEMPORARY = /(?:^|\/)\.tmp-/;
export const isTemporaryPath = (path: string): boolean => path.split('/').some((name) => TEMPORARY.test(name));

/** Number of the operation that does this to a file of this name. */
export function pointOf({ operations }: Trace, op: Operation['op'], name: RegExp): number {
  const found = operations.find((operation) => operation.op === op && name.test(operation.path));
  if (found?.number === undefined) throw new Error(`no ${op} of ${name}`);
  return found.number;
}
