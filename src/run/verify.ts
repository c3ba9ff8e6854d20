import { messageOf } from '../core/errors.ts';
import { exists, listFolder, readAll, stat } from '../io/files.ts';
import { sha256OfFile } from '../io/hash.ts';
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
} from '../shard/index.ts';
import { Conservation } from './conservation.ts';
import { lossRules } from './loss.ts';
import { manifestProblems } from './manifest-check.ts';
import { readPlan } from './plan.ts';
import { equal, windowProblems, windowRules } from './window-check.ts';

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
 * attention mask, no special id but where it belongs, every document's tokens exactly once, the ledger, and every noise draw
 * made again. `onProgress` hears of each window, and in the end of all of them.
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
    const conservation = new Conservation(manifest, lossRules(manifest));
    for (const { split, table, documents } of manifest.splits) {
      if (!table || !sound.has(table.path)) continue;
      const content = await readAll(`${dir}/${table.path}`, table.bytes);
      await attempt(table.path, () => {
        const rows = readDocuments(content);
        if (rows.length !== documents) note(`${table.path}: ${rows.length} documents, the manifest says ${documents}`);
        conservation.documents(split, rows);
      });
    }
    const windows = manifest.windows.train + manifest.windows.validation;
    const rules = windowRules(manifest, plan);
    const partsOf = conservation.partsOf.bind(conservation);
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
          for (const problem of windowProblems(record, rules, partsOf)) note(`${shard.path}, window ${i}: ${problem}`);
          conservation.window(record);
          onProgress(record.window + 1, windows);
        }
      }
    onProgress(windows, windows);
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
