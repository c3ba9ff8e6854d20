import { readAll, stat } from '../io/files.ts';
import { sha256OfFile } from '../io/hash.ts';
import { type Corpus, type FileEntry, readDocuments } from '../shard/index.ts';
import { Conservation, type Partial } from './conservation.ts';
import type { Again } from './deep.ts';
import { lossRules } from './loss.ts';
import { rowProblems } from './mixture-check.ts';
import type { Plan } from './plan.ts';
import { addUpTo, attempt } from './problems.ts';
import { filesOf } from './receipts.ts';
import { forTails, released, segmentProblems, type Texts } from './remade.ts';
import { settingsOf } from './settings.ts';
import { windowProblems, windowRules } from './window-check.ts';

/** What was found in a split. */
export interface SplitCheck {
  readonly files: number;
  readonly bytes: number;
  readonly problems: readonly string[];
  /** False where a shard could not be read. */
  readonly complete: boolean;
  /** What the tails have to make up for; null for the split of the tails. */
  readonly partial: Partial | null;
  /** Documents whose tokens were made again. */
  readonly compared: number;
  /** What is known of those that the tails hold parts of. */
  readonly texts: Texts;
}

export interface SplitToCheck {
  readonly corpus: Corpus;
  readonly plan: Plan | undefined;
  /** Whether the manifest agrees with itself and the plan: otherwise only checksums are looked at. */
  readonly consistent: boolean;
  /** Place in the manifest. */
  readonly index: number;
  /** That of the whole corpus, for the tails; a split has one of its own. */
  readonly conservation?: Conservation;
  readonly texts?: Texts;
  /** Makes the tokens of some of its documents again. */
  readonly again?: Again;
  readonly onWindows: (windows: number) => void;
}

/** Checks one split: its files, its windows, and its documents as far as its windows hold them. */
export async function checkSplit(of: SplitToCheck): Promise<SplitCheck> {
  const { corpus, plan, consistent, index, again, onWindows } = of;
  const { dir, manifest } = corpus;
  const { split, table, documents, firstWindow, shards } = manifest.splits[index]!;
  const problems: string[] = [];
  const note = (problem: string) => addUpTo(problems, problem);
  const listed = filesOf({ shards, table });
  const { bytes, sound } = await checkFiles(dir, listed, note);
  if (!consistent) sound.clear();
  const conservation = of.conservation ?? new Conservation(manifest, lossRules(manifest));
  const texts: Texts = of.texts ?? new Map();
  let compared = 0;
  if (table && sound.has(table.path)) {
    const content = await readAll(`${dir}/${table.path}`, table.bytes);
    const rows = await attempt(table.path, note, () => {
      const read = readDocuments(content);
      if (read.length !== documents) note(`${table.path}: ${read.length} documents, the manifest says ${documents}`);
      conservation.documents(split, read);
      if (plan && consistent) for (const problem of rowProblems(split, read, settingsOf(plan))) note(problem);
      return read;
    });
    // An input that is gone or cannot be read is an error of the run, and no problem of the corpus.
    if (rows && again) texts.set(split, await again(rows, note));
    compared = texts.get(split)?.size ?? 0;
  }
  const rules = windowRules(manifest, plan);
  const partsOf = conservation.partsOf.bind(conservation);
  let complete = true;
  for (const shard of shards) {
    if (!sound.has(shard.path) || !sound.has(shard.mask.path)) {
      complete = false;
      continue;
    }
    for (let i = 0; i < shard.windows; i++) {
      const window = firstWindow + shard.firstWindow + i;
      const record = await attempt(shard.path, note, () => corpus.read(window));
      complete &&= record !== undefined;
      if (!record) break;
      for (const problem of windowProblems(record, rules, partsOf)) note(`${shard.path}, window ${i}: ${problem}`);
      for (const segment of record.segments)
        for (const problem of segmentProblems(segment, record.inputIds, texts))
          note(`${shard.path}, window ${i}: ${problem}`);
      conservation.window(record);
      onWindows(1);
    }
  }
  const partial = of.conservation ? null : conservation.partial();
  const left = partial ? forTails(partial.left, texts) : new Map();
  // What is kept for the tails is copied: ids of long texts lie in a file each, which nobody else closes.
  if (!of.texts) for (const documents of texts.values()) for (const document of documents.values()) released(document);
  return { files: listed.length, bytes, problems, complete, partial, compared, texts: left };
}

/** Sizes and checksums; `sound` are the paths of the files that are as they are listed. */
export async function checkFiles(dir: string, listed: readonly FileEntry[], note: (problem: string) => void) {
  const sound = new Set<string>();
  let bytes = 0;
  for (const entry of listed) {
    const path = `${dir}/${entry.path}`;
    const found = await stat(path);
    if (!found) note(`${entry.path}: missing`);
    else if (found.size !== entry.bytes) note(`${entry.path}: ${found.size} bytes, ${entry.bytes} are listed`);
    else if ((await sha256OfFile(path)) !== entry.sha256) note(`${entry.path}: content differs from its checksum`);
    else sound.add(entry.path);
    bytes += found?.size ?? 0;
  }
  return { bytes, sound };
}
