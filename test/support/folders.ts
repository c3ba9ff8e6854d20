import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { afterAll } from 'vitest';

/** A folder of this test file's own, removed after its tests. */
export function temporaryFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'ultraprep-test-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const sha256 = (content: Uint8Array | string): string => createHash('sha256').update(content).digest('hex');

/** All files below a folder, `/` between names, sorted. */
export const filesBelow = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();

/**
 * What is in a corpus folder: path to sha256 of the content. Two of them compared name the file that differs. Without
 * local.json, which holds this machine's paths and times.
 */
export const contents = (dir: string): Record<string, string> =>
  Object.fromEntries(
    (existsSync(dir) ? filesBelow(dir) : [])
      .filter((path) => path !== 'local.json')
      .map((path) => [path, sha256(readFileSync(join(dir, path)))]),
  );

/** The same as one number. */
export const digest = (dir: string): string => sha256(JSON.stringify(contents(dir)));

/** What a killed run leaves behind. */
export const temporaryFiles = (dir: string): string[] =>
  existsSync(dir) ? filesBelow(dir).filter((path) => path.includes('.tmp-')) : [];
