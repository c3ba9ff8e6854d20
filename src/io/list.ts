import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import { inputNotFound, inputUnknownFormat } from '../core/errors.ts';
import { coded } from './failure.ts';
import { type Found as Looked, kindOf, listEntries, realPath, stat } from './files.ts';
import { formatOf, KNOWN_ENDINGS } from './formats.ts';
import { eachOf } from './side-by-side.ts';

/** A path as plans and messages name it: relative to the base folder, `/` between names on every system. */
export const relativeName = (baseDir: string, path: string): string =>
  relative(resolve(baseDir), path).split(sep).join('/') || '.';

/** An input as it was named, and the file that is: a link's name tells the format (a cache's blobs have none). */
export interface Listed {
  /** Absolute. */
  readonly path: string;
  readonly real: string;
}

/** Answers whether a folder met on the way down is to be passed over; folders that were named themselves are not asked about. */
export type Skip = (folder: string) => Promise<boolean>;

/**
 * The input files that files, folders (all that is in them, hidden ones aside) and globs name, each real file once, in code
 * unit order of their absolute paths: the order must not depend on where one stands. Of folders and globs only files of known
 * formats are taken; a named file of an unknown one is an error, and so is a pattern that gives nothing.
 */
export async function listInputs(
  patterns: readonly string[],
  baseDir: string,
  skip: Skip = () => Promise.resolve(false),
): Promise<Listed[]> {
  const found = new Map<string, Found>();
  for (const pattern of patterns) for (const one of await matches(pattern, baseDir, skip)) found.set(one.path, one);
  const sorted = [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  const untold = sorted.filter(({ real }) => real === undefined);
  const reals = await eachOf(untold, ({ path }) => realPath(path));
  let next = 0;
  const unique = new Map<string, Listed>();
  for (const { path, real = reals[next++]! } of sorted) {
    if (!unique.has(real)) unique.set(real, { path, real });
  }
  return [...unique.values()];
}

/** A file that was found, and its one true path where the way to it has told. */
interface Found {
  readonly path: string;
  readonly real?: string;
}

async function matches(pattern: string, baseDir: string, skip: Skip): Promise<Found[]> {
  const path = resolve(baseDir, pattern);
  // A file named `a[1].jsonl` is itself before it is a glob.
  const named = await stat(path);
  if (named?.kind === 'file') {
    if (formatOf(path) === undefined) throw inputUnknownFormat(pattern, KNOWN_ENDINGS);
    return [{ path }];
  }
  const candidates =
    named?.kind === 'folder' ? await filesBelow(path, new Set(), skip) : await filesOf(pattern, baseDir, skip);
  const known = candidates.filter(({ path: candidate }) => formatOf(candidate) !== undefined);
  if (known.length > 0) return known;
  const other = candidates[0];
  throw other === undefined
    ? inputNotFound(pattern, baseDir)
    : inputUnknownFormat(relativeName(baseDir, other.path), KNOWN_ENDINGS);
}

async function filesOf(pattern: string, baseDir: string, skip: Skip): Promise<Found[]> {
  if (!isDynamicPattern(pattern)) return [];
  const { prefix, rest } = await splitPattern(pattern.split(sep).join('/'), resolve(baseDir));
  const options = { cwd: prefix, absolute: true, dot: false, expandDirectories: false };
  const paths = (await coded(pattern, 'listing', () => glob(rest, options))).map((path) => ({ path: resolve(path) }));
  // Only `**` walks: what another pattern names is meant.
  if (!rest.split('/').includes('**')) return paths;
  const kept: Found[] = [];
  for (const one of paths) if (!(await anySkipped(prefix, one.path, skip))) kept.push(one);
  return kept;
}

/**
 * A pattern as a folder and what is to be matched below it. tinyglobby loses files of its `cwd` when a pattern comes down to it
 * from above, so its `cwd` is always above all that can match. A folder whose name looks like a pattern is itself first.
 */
async function splitPattern(pattern: string, baseDir: string): Promise<{ prefix: string; rest: string }> {
  const segments = pattern.split('/');
  let prefix = isAbsolute(pattern) ? resolve(`${segments.shift()}/`) : baseDir;
  for (;;) {
    const [segment = ''] = segments;
    const named = join(prefix, segment);
    const literal = !/(?<!\\)[*?[\]{}()]|^!/.test(segment);
    if (segments.length < 2 || !(literal || (await stat(named))?.kind === 'folder')) break;
    prefix = literal ? join(prefix, segment.replaceAll(/\\(.)/g, '$1')) : named;
    segments.shift();
  }
  return { prefix, rest: segments.join('/') };
}

/** True when a folder between `top` and a file below it is to be passed over. */
async function anySkipped(top: string, path: string, skip: Skip): Promise<boolean> {
  for (let folder = dirname(path); folder.length > top.length; folder = dirname(folder))
    if (await skip(folder)) return true;
  return false;
}

/** Links are followed (the Hugging Face cache is made of them); a folder met twice on one way down is a loop. */
async function filesBelow(folder: string, above: ReadonlySet<string>, skip: Skip): Promise<Found[]> {
  const real = await realPath(folder);
  if (above.has(real)) return [];
  const way = new Set(above).add(real);
  const files: Found[] = [];
  for (const { name, kind: itself } of await listEntries(folder)) {
    if (name.startsWith('.')) continue;
    const path = join(folder, name);
    const kind = itself === 'link' ? await kindBehind(path, folder) : itself;
    if (kind === 'file') files.push(itself === 'file' ? { path, real: join(real, name) } : { path });
    // One by one: as arguments of one call 100,000 are too many.
    if (kind === 'folder' && !(await skip(path))) for (const one of await filesBelow(path, way, skip)) files.push(one);
  }
  return files;
}

/** What an entry of a folder is. A link that leads nowhere would be text silently left out; a file just removed is none. */
async function kindBehind(path: string, folder: string): Promise<Looked['kind'] | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (!found && (await kindOf(path)) !== undefined) throw inputNotFound(path, folder);
  return found?.kind;
}
