import type { NoiseSettings } from '../config/index.ts';
import { fingerprintMismatch } from '../core/errors.ts';
import { canonicalJson } from '../core/fingerprint.ts';
import type { Subset } from '../core/window.ts';
import { commitFile } from '../io/commit.ts';
import { exists } from '../io/files.ts';
import { drawPass, linear } from '../noise/index.ts';
import {
  type Manifest,
  noiseBytes,
  openCorpus,
  passPath,
  type PassReceipt,
  passReceiptPath,
  readPassReceipt,
} from '../shard/index.ts';

/**
 * Writes the noise passes that are not there yet. Passes are made after the corpus, since t is stratified over the optimizer
 * batch in training order; a pass made with other settings is FINGERPRINT_MISMATCH. Returns the number written.
 */
export async function writeNoise(
  dir: string,
  settings: NoiseSettings,
  onPass: (pass: number) => void = () => {},
): Promise<number> {
  const corpus = await openCorpus(dir);
  try {
    const { manifest } = corpus;
    const lengths = await windowLengths(corpus, manifest);
    let written = 0;
    for (let pass = 0; pass < settings.passes; pass++) {
      const made = await readPassReceipt(dir, pass);
      if (made && made.plan === manifest.plan && (await exists(`${dir}/${made.path}`))) {
        checkSettings(`${dir}/${passReceiptPath(pass)}`, settings, made);
      } else {
        await writePass(dir, manifest, corpus.numbers, lengths, settings, pass);
        written++;
      }
      onPass(pass);
    }
    return written;
  } finally {
    await corpus.close();
  }
}

async function windowLengths(corpus: Awaited<ReturnType<typeof openCorpus>>, manifest: Manifest): Promise<Int32Array> {
  const lengths = new Int32Array(manifest.windows.train + manifest.windows.validation);
  for (let window = 0; window < lengths.length; window++) lengths[window] = (await corpus.layout(window)).numTokens;
  return lengths;
}

async function writePass(
  dir: string,
  manifest: Manifest,
  numbers: (subset: Subset) => Int32Array,
  lengths: Int32Array,
  settings: NoiseSettings,
  pass: number,
): Promise<void> {
  const { schedule, eps, batchWindows } = settings;
  const { seed } = manifest.order;
  const draws = drawPass(numbers('train'), numbers('validation'), { pass, seed, schedule: linear(eps), batchWindows });
  const rows = draws.map(({ window, p, weight, key }) => ({
    window,
    unitLengths: Int32Array.of(lengths[window]!),
    p: Float32Array.of(p),
    weight: Float32Array.of(weight),
    key,
  }));
  const info = { pass, seed, schedule, eps, batchWindows };
  const { plan, policy, tokenizer } = manifest;
  const path = passPath(pass);
  const file = await commitFile(`${dir}/${path}`, noiseBytes(rows, info, { plan, policy, tokenizer }));
  const receipt: PassReceipt = { path, ...file, plan, ...info };
  await commitFile(`${dir}/${passReceiptPath(pass)}`, `${canonicalJson({ ...receipt })}\n`);
}

function checkSettings(place: string, wanted: NoiseSettings, made: PassReceipt): void {
  for (const field of ['schedule', 'eps', 'batchWindows'] as const)
    if (wanted[field] !== made[field])
      throw fingerprintMismatch(place, field, String(wanted[field]), String(made[field]));
}
