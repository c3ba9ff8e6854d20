import { corpusCorrupt, noTrainingWindows } from '../core/errors.ts';
import { POLICIES } from '../mask/index.ts';
import type { Corpus, NoisePass, NoiseRow, WindowRecord } from '../shard/index.ts';

/** More ids than any tokenizer has: what is allocated by the vocabulary stays bounded. */
const MAX_VOCABULARY = 2 ** 21;

/** What the trainer builds on in the manifest. */
export function checkManifest({ dir, manifest }: Corpus): void {
  const { vocabSize, specialIds } = manifest.tokenizer;
  const check = (place: string, value: number | null, least: number, most: number): void => {
    if (value === null || !Number.isInteger(value) || value < least || value > most)
      throw corpusCorrupt(`${dir}/manifest.json`, place, `is ${value}, not a whole number from ${least} to ${most}`);
  };
  check('windowLength', manifest.windowLength, 1, 2 ** 24);
  check('tokenizer.vocabSize', vocabSize, 1, MAX_VOCABULARY);
  for (const [name, id] of Object.entries(specialIds))
    if (id !== null || name === 'mask' || name === 'pad') check(`tokenizer.specialIds.${name}`, id, 0, vocabSize - 1);
}

/** Numbers of the training windows; CORPUS_EMPTY where there are none. */
export function trainingWindows(corpus: Corpus): Int32Array {
  const windows = corpus.numbers('train');
  if (windows.length === 0) throw noTrainingWindows(corpus.dir, corpus.numbers('validation').length);
  return windows;
}

/** A window under an epoch's masks, with every value checked that sizes, offsets or look-ups are made from. */
export async function readWindow(corpus: Corpus, window: number, epoch = 0): Promise<WindowRecord> {
  const record = await corpus.inEpoch(epoch).read(window);
  const { inputIds, numTokens, segments, mask } = record;
  const { windowLength } = corpus.manifest;
  const { vocabSize } = corpus.manifest.tokenizer;
  const fail = (problem: string): never => {
    throw corpusCorrupt(corpus.dir, `window ${window}`, problem);
  };
  if (!Object.hasOwn(POLICIES, mask.policy)) fail(`has the unknown policy ${mask.policy}`);
  if (inputIds.length !== windowLength) fail(`has ${inputIds.length} ids, not ${windowLength}`);
  if (!Number.isInteger(numTokens) || numTokens < 1 || numTokens > windowLength)
    fail(`has ${numTokens} tokens, a window holds 1 to ${windowLength}`);
  const bad = inputIds.subarray(0, numTokens).findIndex((id) => id < 0 || id >= vocabSize);
  if (bad >= 0) fail(`token ${bad} is ${inputIds[bad]}, the vocabulary has ${vocabSize}`);
  const offsets = mask.cuSeqlens;
  const ascending = offsets.every((offset, i) => (i === 0 ? offset === 0 : offset > offsets[i - 1]!));
  if (!ascending || offsets.at(-1) !== windowLength) fail(`cu_seqlens do not ascend from 0 to ${windowLength}`);
  for (const { start, length, promptTokens } of segments)
    if (!(start >= 0 && length >= 0 && start + length <= numTokens && promptTokens >= 0 && promptTokens <= length))
      fail(
        `a segment of ${length} tokens at ${start}, ${promptTokens} of them prompt, is not in its ${numTokens} tokens`,
      );
  return record;
}

/** A noise pass whose batches can be made. */
export async function openPass(corpus: Corpus, pass: number): Promise<NoisePass> {
  const noise = await corpus.noise(pass);
  const { batchWindows } = noise.form;
  if (!Number.isInteger(batchWindows) || batchWindows < 1)
    throw corpusCorrupt(corpus.dir, `noise pass ${pass}`, `batch_windows is ${batchWindows}, not 1 or more`);
  return noise;
}

/** The noise of a window, checked against it: what a pass of random lengths cuts off of it is no part of its units. */
export function noiseOf({ dir }: Corpus, noise: NoisePass, { window, numTokens, mask }: WindowRecord): NoiseRow {
  const row = noise.row(window);
  const { unitLengths, p, weight, contextWeight } = row;
  const fail = (problem: string): never => {
    throw corpusCorrupt(dir, `noise pass ${noise.pass}, window ${window}`, problem);
  };
  if (row.window !== window) fail(`the row is of window ${row.window}`);
  if (unitLengths.some((length) => length < 0)) fail('a unit has a negative length');
  const tokens = unitLengths.reduce((sum, length) => sum + length, 0);
  if (noise.form.randomLength > 0 ? tokens < 1 || tokens > numTokens : tokens !== numTokens)
    fail(`its units have ${tokens} tokens, the window ${numTokens}`);
  if (p.length !== unitLengths.length || weight.length !== unitLengths.length)
    fail(`${unitLengths.length} units, ${p.length} probabilities and ${weight.length} weights`);
  const odd = p.findIndex((share) => !(share > 0 && share <= 1));
  if (odd >= 0) fail(`the probability of unit ${odd} is ${p[odd]}`);
  const off = weight.findIndex((value) => !(value >= 0 && Number.isFinite(value)));
  if (off >= 0) fail(`the weight of unit ${off} is ${weight[off]}`);
  const groups = mask.cuSeqlens.findIndex((offset) => offset >= numTokens);
  if (contextWeight && contextWeight.length !== groups)
    fail(`${groups} attention groups, ${contextWeight.length} context weights`);
  if (contextWeight?.some((value) => !(value > 0 && Number.isFinite(value)))) fail('a context weight is not above 0');
  return row;
}

/** A window as a pass sees it: the tokens that its units have, the others gone like padding. */
export function cutTo(record: WindowRecord, { unitLengths }: NoiseRow): WindowRecord {
  const numTokens = unitLengths.reduce((sum, length) => sum + length, 0);
  return numTokens === record.numTokens ? record : { ...record, numTokens };
}
