import { messageOf } from '../core/errors.ts';
import { MAX_METADATA_BYTES } from '../core/limits.ts';
import { exists, listFolder, readAll, stat } from '../io/files.ts';
import { sha256OfFile } from '../io/hash.ts';
import { blockMask, type Policy } from '../mask/index.ts';
import { drawPass, linear } from '../noise/index.ts';
import {
  type Corpus,
  type FileEntry,
  type Manifest,
  openCorpus,
  passPath,
  PLAN,
  readDocuments,
  readPassReceipt,
  type WindowRecord,
} from '../shard/index.ts';
import { Conservation } from './conservation.ts';
import { manifestProblems } from './manifest-check.ts';
import { readPlan } from './plan.ts';
import { settingsOf } from './settings.ts';

/** What `prep verify` looked at and what is wrong; `problems` empty means the corpus is as its plan says. */
export interface Verification {
  readonly files: number;
  readonly bytes: number;
  readonly windows: number;
  readonly documents: number;
  readonly tokens: number;
  readonly passes: number;
  /** Each names the file or window, and what is wrong with it. */
  readonly problems: readonly string[];
}

/** One damaged shard can break every window in it; more than this many problems help nobody. */
const MAX_PROBLEMS = 100;

/**
 * Proves from the files alone that a corpus is whole: checksums, the plan's id, every window's boundaries, padding and
 * attention mask, every document's tokens exactly once, the ledger, and every noise draw made again.
 */
export async function verifyCorpus(dir: string, onProgress: (done: number, of: number) => void): Promise<Verification> {
  const problems: string[] = [];
  const note = (problem: string) => void (problems.length < MAX_PROBLEMS && problems.push(problem));
  /** Behind a right checksum there may still be a forgery that no decoder can take. */
  const attempt = async <T>(path: string, look: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await look();
    } catch (error) {
      note(`${path}: ${messageOf(error)}`);
      return undefined;
    }
  };
  const corpus = await openCorpus(dir);
  try {
    const { manifest } = corpus;
    const plan = await attempt(PLAN, () => readPlan(dir));
    if (!plan) note(`${PLAN}: missing`);
    else for (const problem of manifestProblems(manifest, plan)) note(problem);
    const consistent = problems.length === 0;
    const { files, bytes, sound } = await checkFiles(dir, manifest, note);
    // A manifest that contradicts itself says nothing about what the files should hold.
    if (!consistent) sound.clear();
    const conservation = new Conservation(manifest);
    for (const { split, table, documents } of manifest.splits) {
      if (!table || !sound.has(table.path)) continue;
      const content = await readAll(`${dir}/${table.path}`, MAX_METADATA_BYTES);
      const rows = await attempt(table.path, () => readDocuments(content));
      if (!rows) continue;
      if (rows.length !== documents) note(`${table.path}: ${rows.length} documents, the manifest says ${documents}`);
      conservation.documents(split, rows);
    }
    const windows = manifest.windows.train + manifest.windows.validation;
    const settings = plan && settingsOf(plan);
    const plainText = settings?.encode.specialTokens !== 'parse' && !settings?.encode.template;
    const separator = settings?.pack.separator ?? null;
    let complete = true;
    for (const { firstWindow, shards } of manifest.splits)
      for (const shard of shards) {
        if (!sound.has(shard.path) || !sound.has(shard.mask.path)) {
          complete = false;
          continue;
        }
        for (let i = 0; i < shard.windows; i++) {
          const record = await attempt(shard.path, () => corpus.read(firstWindow + shard.firstWindow + i));
          complete &&= record !== undefined;
          if (!record) break;
          for (const problem of windowProblems(record, manifest, separator, plainText))
            note(`${shard.path}, window ${i}: ${problem}`);
          conservation.window(record);
          onProgress(record.window + 1, windows);
        }
      }
    // With a shard that cannot be read, every document in it would be reported too.
    if (complete) for (const problem of conservation.problems()) note(problem);
    for (let pass = 0; pass < (consistent ? corpus.passes : 0); pass++) {
      const path = passPath(pass);
      await attempt(path, () => checkPass(corpus, pass, complete, note));
    }
    const { ledger } = manifest;
    const { documents, tokens } = ledger;
    return { files, bytes, windows, documents: documents.read, tokens: tokens.packed, passes: corpus.passes, problems };
  } finally {
    await corpus.close();
  }
}

async function checkFiles(dir: string, manifest: Manifest, note: (problem: string) => void) {
  const listed: FileEntry[] = manifest.splits.flatMap(({ shards, table }) => [
    ...shards.flatMap((shard) => [shard, shard.mask]),
    ...(table ? [table] : []),
  ]);
  if (manifest.rejects) listed.push(manifest.rejects);
  const tokenizer = await stat(`${dir}/tokenizer.json`);
  const { sha256 } = manifest.tokenizer;
  listed.push({ path: 'tokenizer.json', bytes: tokenizer?.size ?? -1, sha256 });
  const sound = new Set<string>();
  let bytes = 0;
  for (const entry of listed) {
    const path = `${dir}/${entry.path}`;
    const found = await stat(path);
    if (!found) note(`${entry.path}: missing`);
    else if (found.size !== entry.bytes) note(`${entry.path}: ${found.size} bytes, the manifest says ${entry.bytes}`);
    else if ((await sha256OfFile(path)) !== entry.sha256) note(`${entry.path}: content differs from its checksum`);
    else sound.add(entry.path);
    bytes += found?.size ?? 0;
  }
  const known = new Set(listed.map(({ path }) => path));
  for (const folder of ['shards', `masks/${manifest.policy}`, 'documents'])
    for (const name of (await exists(`${dir}/${folder}`)) ? await listFolder(`${dir}/${folder}`) : [])
      if (!known.has(`${folder}/${name}`) && !name.startsWith('.tmp-')) note(`${folder}/${name}: not in the manifest`);
  return { files: listed.length, bytes, sound };
}

/** What is wrong with one window, by itself. `plainText`: no document can hold a special id. */
function* windowProblems(
  record: WindowRecord,
  manifest: Manifest,
  separator: number | null,
  plainText: boolean,
): Generator<string> {
  const { inputIds, numTokens, segments, mask } = record;
  const { windowLength, tokenizer } = manifest;
  const { mask: maskId, pad } = tokenizer.specialIds;
  let end = 0;
  for (const [i, { start, length, group }] of segments.entries()) {
    if (start !== end) yield `segment ${i} begins at ${start}, not at ${end}`;
    if (length <= 0) yield `segment ${i} is empty`;
    if (i > 0 && group < segments[i - 1]!.group) yield `segment ${i} goes back to group ${group}`;
    end = start + length;
  }
  if (end !== numTokens) yield `its segments end at ${end}, its tokens at ${numTokens}`;
  if (numTokens < 1 || numTokens > windowLength) yield `${numTokens} tokens in a window of ${windowLength}`;
  const ends = new Set(segments.map(({ start, length }) => start + length - 1));
  for (let i = 0; i < windowLength; i++) {
    const id = inputIds[i]!;
    if (i >= numTokens ? id !== pad : id < 0 || id >= tokenizer.vocabSize) {
      yield `token ${i} is ${id}${i >= numTokens ? `, padding is ${pad}` : ''}`;
      break;
    }
    if (plainText && i < numTokens && (id === maskId || (id === separator && !ends.has(i)))) {
      yield `token ${i} is the special id ${id}, which no document can hold`;
      break;
    }
  }
  const made = blockMask(segments, numTokens, windowLength, manifest.policy as Policy);
  if (
    !equal(made.cuSeqlens, mask.cuSeqlens) ||
    !equal(made.blockMask, mask.blockMask) ||
    made.maxSeqlen !== mask.maxSeqlen ||
    made.allowedPairs !== mask.allowedPairs
  )
    yield `its attention mask is not that of its boundaries under ${manifest.policy}`;
}

const equal = (a: ArrayLike<number>, b: ArrayLike<number>): boolean =>
  a.length === b.length && Array.prototype.every.call(a, (value, i) => value === b[i]);

/** The draws are made again only where the windows' lengths can be `trusted`: a damaged table can send its decoder round forever. */
async function checkPass(
  corpus: Corpus,
  pass: number,
  trusted: boolean,
  note: (problem: string) => void,
): Promise<void> {
  const { dir, manifest } = corpus;
  const receipt = (await readPassReceipt(dir, pass))!;
  if (receipt.plan !== manifest.plan) return note(`${receipt.path}: of another plan`);
  if (!(await exists(`${dir}/${receipt.path}`))) return note(`${receipt.path}: missing`);
  if ((await sha256OfFile(`${dir}/${receipt.path}`)) !== receipt.sha256)
    return note(`${receipt.path}: content differs from its checksum`);
  if (!trusted) return;
  const { seed, eps, batchWindows } = receipt;
  const stored = await corpus.noise(pass);
  const settings = { pass, seed, schedule: linear(eps), batchWindows };
  for (const draw of drawPass(corpus.numbers('train'), corpus.numbers('validation'), settings)) {
    const row = stored.row(draw.window);
    const tokens = (await corpus.layout(draw.window)).numTokens;
    const same =
      row.window === draw.window &&
      equal(row.unitLengths, [tokens]) &&
      equal(row.p, [draw.p]) &&
      equal(row.weight, [draw.weight]) &&
      equal(row.key, draw.key);
    if (!same) return note(`${receipt.path}: window ${draw.window} is not what its seed draws`);
  }
}
