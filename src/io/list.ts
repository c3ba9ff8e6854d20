import { join, relative, resolve, sep } from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import { inputNotFound, inputUnknownFormat } from '../core/errors.ts';
import { coded } from './failure.ts';
import { listFolder, realPath, stat } from './files.ts';
import { formatOf, KNOWN_ENDINGS } from './formats.ts';

/** A path as plans and messages name it: relative to the base folder, `/` between names on every system. */
export const relativeName = (baseDir: string, path: string): string =>
  relative(resolve(baseDir), path).split(sep).join('/') || '.';

/**
 * The input files that files, folders (all that is in them, hidden ones aside) and globs name: absolute paths in code unit
 * order of their names relative to `baseDir`, each real file once. Of folders and globs only files of known formats are
 * taken; a named file of an unknown one is an error, and so is a pattern that gives nothing.
 */
export async function listInputs(patterns: readonly string[], baseDir: string): Promise<string[]> {
  const found = new Map<string, string>();
  for (const pattern of patterns) {
    const paths = await matches(pattern, baseDir);
    for (const path of paths) found.set(relativeName(baseDir, path), path);
  }
  const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const unique = new Map<string, string>();
  for (const [, path] of sorted) {
    const real = await realPath(path);
    if (!unique.has(real)) unique.set(real, path);
  }
  return [...unique.values()];
}

async function matches(pattern: string, baseDir: string): Promise<string[]> {
  const path = resolve(baseDir, pattern);
  // A file named `a[1].jsonl` is itself before it is a glob.
  const named = await stat(path);
  if (named?.kind === 'file') {
    if (formatOf(path) === undefined) throw inputUnknownFormat(pattern, KNOWN_ENDINGS);
    return [path];
  }
  const candidates = named?.kind === 'folder' ? await filesBelow(path, new Set()) : await filesOf(pattern, baseDir);
  const known = candidates.filter((candidate) => formatOf(candidate) !== undefined);
  if (known.length > 0) return known;
  const other = candidates[0];
  throw other === undefined
    ? inputNotFound(pattern, baseDir)
    : inputUnknownFormat(relativeName(baseDir, other), KNOWN_ENDINGS);
}

async function filesOf(pattern: string, baseDir: string): Promise<string[]> {
  if (!isDynamicPattern(pattern)) return [];
  const options = { cwd: resolve(baseDir), absolute: true, dot: false, expandDirectories: false };
  const paths = await coded(pattern, 'listing', () => glob(pattern.split(sep).join('/'), options));
  return paths.map((path) => resolve(path));
}

/** Links are followed (the Hugging Face cache is made of them); a folder met twice on one way down is a loop. */
async function filesBelow(folder: string, above: ReadonlySet<string>): Promise<string[]> {
  const real = await realPath(folder);
  if (above.has(real)) return [];
  const way = new Set(above).add(real);
  const files: string[] = [];
  for (const name of await listFolder(folder)) {
    if (name.startsWith('.')) continue;
    const path = join(folder, name);
    const kind = (await stat(path))?.kind;
    if (kind === 'file') files.push(path);
    if (kind === 'folder') files.push(...(await filesBelow(path, way)));
  }
  return files;
}
