import { availableParallelism } from 'node:os';
import { noiseForm } from '../core/noise.ts';
import { listFolder, stat } from '../io/files.ts';
import { hasher } from '../io/hash.ts';
import {
  type FileEntry,
  type Manifest,
  maskNames,
  openCorpus,
  passPath,
  PLAN,
  readBitsReceipt,
  readPassReceipt,
  type StoredCorpus,
  writeBits,
} from '../shard/index.ts';
import { Conservation } from './conservation.ts';
import { atLeastOne, type DeepOptions } from './deep.ts';
import { lossRules } from './loss.ts';
import { manifestProblems } from './manifest-check.ts';
import { checkMaskTable } from './mask-check.ts';
import { mixtureProblems } from './mixture-check.ts';
import { draws, maskedWindows } from './noise.ts';
import { readPlan } from './plan.ts';
import { filesOf } from './receipts.ts';
import { checkAll } from './verify-pool.ts';
import { addUpTo, attempt } from './problems.ts';
import { settingsOf } from './settings.ts';
import type { Texts } from './remade.ts';
import { checkFiles, checkSplit, type SplitCheck } from './verify-split.ts';
import { equal } from './window-check.ts';

/** What `prep verify` looked at and what is wrong; `problems` empty means the corpus is as its plan says. */
export interface Verification {
  readonly files: number;
  readonly bytes: number;
  readonly windows: number;
  readonly documents: number;
  readonly tokens: number;
  /** Whether documents were to be read again from their sources, and how many were, and compared. */
  readonly deep: boolean;
  readonly compared: number;
  readonly passes: number;
  /** Tables of masks that were made after the corpus. */
  readonly maskTables: number;
  /** Each names the file or window, and what is wrong with it. */
  readonly problems: readonly string[];
}

/** How a corpus is verified. */
export interface VerifyOptions {
  /** Threads; by default as many as are worth it: a small corpus is checked on this one. */
  readonly workers?: number;
  readonly deep?: DeepOptions | null;
  /** Hears of windows, and in the end of all of them. */
  readonly onProgress?: (done: number, of: number) => void;
}

/** Below this many windows a thread would start longer than it helps: bytes of ids. */
const WORTH_A_THREAD = 64 * 1024 * 1024;

/**
 * Proves from the files alone that a corpus is whole: checksums, the plan's id, every window's boundaries, padding and
 * attention mask, no special id but where it belongs, every document's tokens exactly once, the rules of the mixture, the ledger,
 * and every noise draw made again. With `deep` also that a share of the documents is in the windows as it is in its source. Each split is checked by
 * itself, on any thread, in memory of its own; the documents it leaves to the tails are what is kept of it.
 */
export async function verifyCorpus(
  dir: string,
  { workers, deep = null, onProgress = () => {} }: VerifyOptions = {},
): Promise<Verification> {
  const problems: string[] = [];
  const note = (problem: string) => addUpTo(problems, problem);
  const corpus = await openCorpus(dir);
  try {
    const { manifest } = corpus;
    const plan = await attempt(PLAN, note, () => readPlan(dir));
    if (!plan) note(`${PLAN}: missing`);
    else for (const problem of manifestProblems(manifest, plan)) note(problem);
    // A manifest that contradicts itself says nothing about what the files should hold.
    const consistent = problems.length === 0;
    const beside = await checkBeside(dir, manifest, note);
    const windows = manifest.windows.train + manifest.windows.validation;
    let seen = 0;
    const onWindows = (n: number) => onProgress((seen += n), windows);
    const whole = new Conservation(manifest, lossRules(manifest));
    const texts: Texts = new Map();
    let { files, bytes } = beside;
    let [complete, compared] = [true, 0];
    const add = (check: SplitCheck) => {
      files += check.files;
      bytes += check.bytes;
      compared += check.compared;
      complete &&= check.complete;
      check.problems.forEach(note);
      if (check.partial) whole.adopt(check.partial);
      for (const [split, ids] of check.texts) texts.set(split, ids);
    };
    const worth = Math.ceil((windows * manifest.windowLength * 4) / WORTH_A_THREAD);
    const threads = workers ?? Math.min(availableParallelism(), worth);
    const setup = { dir, consistent, deep: consistent && deep ? atLeastOne(manifest, deep) : null };
    for await (const check of checkAll(corpus, plan, setup, threads, onWindows)) add(check);
    const last = manifest.splits.length - 1;
    add(await checkSplit({ corpus, plan, consistent, index: last, conservation: whole, texts, onWindows }));
    onProgress(windows, windows);
    // With a shard that cannot be read, every document in it would be reported too.
    if (complete) for (const problem of whole.problems()) note(problem);
    // Decided again from the tables as they are, which takes sound ones.
    if (plan && problems.length === 0)
      await attempt('documents', note, async () => {
        for await (const problem of mixtureProblems(dir, manifest, settingsOf(plan))) note(problem);
      });
    for (let pass = 0; pass < (consistent ? corpus.passes : 0); pass++) {
      const path = passPath(pass);
      await attempt(path, note, () => checkPass(corpus, pass, complete, note));
    }
    const tables = await maskNames(dir);
    for (const name of consistent ? tables : []) {
      const looked = await attempt(`masks/${name}`, note, () => checkMaskTable(corpus, name, complete, note));
      files += looked?.files ?? 0;
      bytes += looked?.bytes ?? 0;
    }
    const { documents, tokens } = manifest.ledger;
    const { passes } = corpus;
    return {
      files,
      bytes,
      windows,
      documents: documents.read,
      tokens: tokens.packed,
      deep: deep !== null,
      compared,
      passes,
      maskTables: tables.length,
      problems,
    };
  } finally {
    await corpus.close();
  }
}

/** The files that belong to no split, and files that are in no list. */
async function checkBeside(dir: string, manifest: Manifest, note: (problem: string) => void) {
  const tokenizer = await stat(`${dir}/tokenizer.json`);
  const listed: FileEntry[] = manifest.rejects ? [manifest.rejects] : [];
  listed.push({ path: 'tokenizer.json', bytes: tokenizer?.size ?? -1, sha256: manifest.tokenizer.sha256 });
  const { bytes } = await checkFiles(dir, listed, note);
  const known = new Set(manifest.splits.flatMap(filesOf).map(({ path }) => path));
  for (const folder of ['shards', `masks/${manifest.policy}`, 'documents'])
    for (const name of await listFolder(`${dir}/${folder}`))
      if (!known.has(`${folder}/${name}`) && !name.startsWith('.tmp-')) note(`${folder}/${name}: not in the manifest`);
  return { files: listed.length, bytes };
}

/** The draws are made again only where the windows' lengths can be `trusted`: a damaged table can send its decoder round forever. */
async function checkPass(
  corpus: StoredCorpus,
  pass: number,
  trusted: boolean,
  note: (problem: string) => void,
): Promise<void> {
  const { dir, manifest } = corpus;
  const receipt = (await readPassReceipt(dir, pass))!;
  if (receipt.plan !== manifest.plan) return note(`${receipt.path}: of another plan`);
  const { sound } = await checkFiles(dir, [receipt], note);
  if (sound.size === 0 || !trusted) return;
  const form = noiseForm(receipt.settings);
  if (receipt.seed !== manifest.order.seed) return note(`${receipt.path}: its seed is not the corpus’s`);
  const stored = await corpus.noise(pass);
  for await (const draw of draws(corpus, form, pass)) {
    const row = stored.row(draw.window);
    const same =
      row.window === draw.window &&
      equal(row.unitLengths, draw.unitLengths) &&
      equal(row.p, draw.p) &&
      equal(row.weight, draw.weight) &&
      equal(row.key, draw.key) &&
      equal(row.contextWeight ?? [], draw.contextWeight ?? []);
    if (!same) return note(`${receipt.path}: window ${draw.window} is not what its seed draws`);
  }
  await checkBits(corpus, pass, receipt.sha256, note);
}

/** The bitsets of a pass, where it has them, made again to the last byte. */
async function checkBits(
  corpus: StoredCorpus,
  pass: number,
  of: string,
  note: (problem: string) => void,
): Promise<void> {
  const { dir, manifest } = corpus;
  const receipt = await readBitsReceipt(dir, pass);
  if (!receipt) return;
  if (receipt.plan !== manifest.plan || receipt.of !== of) return note(`${receipt.path}: of another pass`);
  if ((await checkFiles(dir, [receipt], note)).sound.size === 0) return;
  const again = hasher();
  let position = 0;
  const sink = {
    get position() {
      return position;
    },
    async write(chunk: Uint8Array): Promise<void> {
      again.update(chunk);
      position += chunk.length;
    },
  };
  const { seed, settings } = (await readPassReceipt(dir, pass))!;
  const info = { pass, seed, form: noiseForm(settings) };
  await writeBits(sink, maskedWindows(corpus, pass), manifest.windowLength, info, manifest);
  if (again.digest() !== receipt.sha256) note(`${receipt.path}: is not what its pass masks`);
}
