import { dirname, resolve } from 'node:path';
import { outputExists } from '../../core/errors.ts';
import { MAX_METADATA_BYTES } from '../../core/limits.ts';
import { exists, kindOf, listFolder, readAll, realPath, removeEmptyFolder, removeFile } from '../../io/files.ts';
import { planFormat } from '../check.ts';
import type { FileEntry, TokenizerInfo } from '../manifest.ts';
import { MANIFEST, PLAN } from '../receipt.ts';

export const EXPORT_FORMAT = 'ultraprep-export/1';
export const EXPORT_MANIFEST = 'export.json';

/** What an export holds and where it comes from: `export.json` in its folder. */
export interface ExportManifest {
  readonly format: typeof EXPORT_FORMAT;
  readonly version: string;
  readonly to: string;
  readonly plan: string;
  readonly name: string;
  readonly subset: string;
  readonly order: string;
  /** Of the training order; null in file order. */
  readonly epoch: number | null;
  readonly windows: number;
  readonly windowLength: number;
  readonly policy: string;
  readonly tokenizer: TokenizerInfo;
  /** Column to its type. */
  readonly columns: Readonly<Record<string, string>>;
  /** What the numbers in `segment_sources` stand for. */
  readonly sources: readonly string[];
  readonly files: readonly FileEntry[];
}

/**
 * Looks at what lies where an export is to go, and returns how to remove it. Nothing, or an empty folder, is fine. Only an export
 * of ours with nothing added gives way, and only where that is asked for; anything else, and a place inside of a corpus, is OUTPUT_EXISTS.
 */
export async function roomFor(path: string, overwrite: boolean): Promise<() => Promise<void>> {
  const refuse = (found: string, wayOut = 'choose another --out, or move that away') =>
    outputExists(path, found, wayOut);
  const corpus = await corpusAround(path);
  if (corpus !== undefined)
    throw refuse(
      `part of the corpus folder ${corpus}`,
      'give an --out that is in no corpus, so that neither is taken for the other',
    );
  const kind = await kindOf(path);
  if (kind === undefined) return async () => {};
  if (kind !== 'folder') throw refuse(`a ${kind}`);
  const names = await listFolder(path);
  if (names.length === 0) return () => removeEmptyFolder(path);
  const files = await exportedFiles(path);
  if (!files) throw refuse('a folder, and no export');
  if (!overwrite) throw refuse('an export', 'choose another --out, or replace it with --overwrite');
  const other = names.find((name) => name !== EXPORT_MANIFEST && !files.includes(name));
  if (other !== undefined) throw refuse(`an export, with ${JSON.stringify(other)} in it that is none of its files`);
  return async () => {
    // What makes it an export goes last, so that one that was stopped here can be removed again.
    for (const name of names) if (name !== EXPORT_MANIFEST) await removeFile(`${path}/${name}`);
    await removeFile(`${path}/${EXPORT_MANIFEST}`);
    await removeEmptyFolder(path);
  };
}

/** Names that an export lists; undefined where there is none, or it is not ours. */
async function exportedFiles(dir: string): Promise<string[] | undefined> {
  const path = `${dir}/${EXPORT_MANIFEST}`;
  if (!(await exists(path))) return undefined;
  try {
    const text = new TextDecoder().decode(await readAll(path, MAX_METADATA_BYTES));
    const { format, files } = JSON.parse(text) as ExportManifest;
    return format === EXPORT_FORMAT ? files.map((file) => file.path) : undefined;
  } catch {
    return undefined;
  }
}

/** The corpus folder that a path is, or lies in, links followed as far as there is something; undefined for none. */
async function corpusAround(path: string): Promise<string | undefined> {
  let there = resolve(path);
  while (!(await exists(there)) && dirname(there) !== there) there = dirname(there);
  for (let dir = await realPath(there); ; dir = dirname(dir)) {
    for (const file of [PLAN, MANIFEST]) if ((await planFormat(dir, file))?.ours) return dir;
    if (dirname(dir) === dir) return undefined;
  }
}
