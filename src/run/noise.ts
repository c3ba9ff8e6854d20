import type { NoiseSettings } from '../config/index.ts';
import { corpusCorrupt, fingerprintMismatch, interrupted } from '../core/errors.ts';
import { canonicalJson } from '../core/fingerprint.ts';
import { type NoiseForm, noiseForm, type NoiseRecord, noiseRecord } from '../core/noise.ts';
import { commitFile, commitStream } from '../io/commit.ts';
import { exists, removeFile } from '../io/files.ts';
import { sha256OfFile } from '../io/hash.ts';
import { type Draw, drawPass, Masker } from '../noise/index.ts';
import {
  bitsPath,
  type BitsReceipt,
  bitsReceiptPath,
  openCorpus,
  passPath,
  type PassReceipt,
  passReceiptPath,
  readBitsReceipt,
  readPassReceipt,
  type StoredCorpus,
  writeBits,
  writeRows,
} from '../shard/index.ts';

/** Throws when the work is to end. */
type Look = () => Promise<void>;
/** Windows between two looks: 128 of 128K take 0.2 s with their bits. */
const LOOK_EVERY = 128;

export interface NoiseOptions {
  /** Makes passes anew that were made with other settings. */
  readonly overwrite?: boolean;
  readonly onPass?: (pass: number) => void;
  /** Ends the work in the middle of a pass too: INTERRUPTED, and what is whole stays. */
  readonly signal?: AbortSignal;
}

/**
 * Writes the noise passes that are not there yet, and their bitsets where they are asked for. Passes are made after the corpus,
 * since t is stratified over the optimizer batch in training order; a pass made with other settings, or of another plan, is
 * FINGERPRINT_MISMATCH.
 * Returns the number of passes written.
 */
export async function writeNoise(
  dir: string,
  { passes, bitsets, form }: NoiseSettings,
  { overwrite = false, onPass = () => {}, signal }: NoiseOptions = {},
): Promise<number> {
  const corpus = await openCorpus(dir);
  try {
    const { plan } = corpus.manifest;
    let written = 0;
    for (let pass = 0; pass < passes; pass++) {
      const look = async (): Promise<void> => {
        // Only a turn of the event loop lets a signal in.
        await new Promise(setImmediate);
        if (signal?.aborted) throw interrupted(pass, passes, 'passes');
      };
      const made = await readPassReceipt(dir, pass);
      if (made && made.plan !== plan && !overwrite)
        throw fingerprintMismatch(`${dir}/${passReceiptPath(pass)}`, 'plan', plan, made.plan);
      const whole = made && made.plan === plan && (await exists(`${dir}/${made.path}`));
      const other = whole ? differing(noiseRecord(form), made) : null;
      if (other && !overwrite) throw fingerprintMismatch(`${dir}/${passReceiptPath(pass)}`, ...other);
      const receipt = whole && !other ? made : await writePass(corpus, form, pass, look);
      if (receipt !== made) written++;
      if (bitsets) await addBits(corpus, receipt, look);
      onPass(pass);
    }
    return written;
  } finally {
    await corpus.close();
  }
}

/** Every draw of a pass again, in window order: memory for one shard's boundaries and the times of 8M units. */
export function draws(corpus: StoredCorpus, form: NoiseForm, pass: number): AsyncGenerator<Draw> {
  const { dir, manifest } = corpus;
  return drawPass(
    {
      dir,
      seed: manifest.order.seed,
      train: corpus.numbers('train'),
      validation: corpus.numbers('validation'),
      window: (window) => corpus.boundaries(window),
    },
    form,
    pass,
  );
}

/** The masked positions of each window of a pass, in order; each good until the next. */
export async function* maskedWindows(corpus: StoredCorpus, pass: number): AsyncGenerator<Uint8Array> {
  const { windows, windowLength } = corpus.manifest;
  const noise = await corpus.noise(pass);
  const masker = new Masker(noise.form, pass, windowLength);
  for (let window = 0; window < windows.train + windows.validation; window++) {
    const row = noise.row(window);
    const tokens = row.unitLengths.reduce((sum, length) => sum + length, 0);
    if (tokens > windowLength || row.unitLengths.some((length) => length < 0))
      throw corpusCorrupt(`${corpus.dir}/${passPath(pass)}`, `window ${window}`, `its units have ${tokens} tokens`);
    yield masker.mask(row, (await corpus.boundaries(window)).segments);
  }
}

/** Two runs may write one pass at once, the same bytes: neither takes a receipt away that speaks of them. */
async function writePass(corpus: StoredCorpus, form: NoiseForm, pass: number, look: Look): Promise<PassReceipt> {
  const { dir, manifest } = corpus;
  const { plan, order } = manifest;
  const { seed } = order;
  const path = passPath(pass);
  let batches: PassReceipt['batches'] = [];
  const file = await commitStream(`${dir}/${path}`, async (sink) => {
    batches = await writeRows(sink, looking(draws(corpus, form, pass), look), { pass, seed, form }, manifest);
    // What says that another is there, before this one takes its place: a kill between leaves no receipt of other bytes.
    const made = await readPassReceipt(dir, pass);
    if (made && (made.plan !== plan || differing(noiseRecord(form), made)))
      await removeFile(`${dir}/${passReceiptPath(pass)}`);
  });
  const bits = await readBitsReceipt(dir, pass);
  if (bits && bits.of !== file.sha256) await removeFile(`${dir}/${bitsReceiptPath(pass)}`);
  const receipt: PassReceipt = { path, ...file, plan, pass, seed, settings: noiseRecord(form), batches };
  await commitFile(`${dir}/${passReceiptPath(pass)}`, `${canonicalJson({ ...receipt })}\n`);
  return receipt;
}

async function addBits(corpus: StoredCorpus, { pass, sha256, seed, settings }: PassReceipt, look: Look): Promise<void> {
  const { dir, manifest } = corpus;
  const made = await readBitsReceipt(dir, pass);
  if (made && made.plan === manifest.plan && made.of === sha256 && (await exists(`${dir}/${made.path}`))) return;
  // Bits of what the receipt speaks of, and of nothing else.
  if ((await sha256OfFile(`${dir}/${passPath(pass)}`)) !== sha256)
    throw corpusCorrupt(`${dir}/${passPath(pass)}`, 'content', 'differs from its checksum');
  const info = { pass, seed, form: noiseForm(settings) };
  const path = bitsPath(pass);
  let batches: BitsReceipt['batches'] = [];
  const file = await commitStream(`${dir}/${path}`, async (sink) => {
    const masked = looking(maskedWindows(corpus, pass), look);
    batches = await writeBits(sink, masked, manifest.windowLength, info, manifest);
  });
  const receipt: BitsReceipt = { path, ...file, plan: manifest.plan, pass, of: sha256, batches };
  await commitFile(`${dir}/${bitsReceiptPath(pass)}`, `${canonicalJson({ ...receipt })}\n`);
}

/** The same items, with a look at whether to stop on the way. */
async function* looking<T>(items: AsyncIterable<T>, look: Look): AsyncGenerator<T> {
  let since = 0;
  for await (const item of items) {
    if (since++ % LOOK_EVERY === 0) await look();
    yield item;
  }
}

/** The first setting that a pass was not made with: its name, as it is asked for, and as it was. */
function differing(wanted: NoiseRecord, { settings }: PassReceipt): [string, string, string] | null {
  const made = noiseRecord(noiseForm(settings));
  for (const name of new Set([...Object.keys(wanted), ...Object.keys(made)]))
    if (wanted[name] !== made[name])
      return [name, String(wanted[name] ?? 'not there'), String(made[name] ?? 'not there')];
  return null;
}
