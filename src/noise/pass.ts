import { corpusCorrupt, noiseImpossible } from '../core/errors.ts';
import { drawnPass, isComplement, type NoiseForm } from '../core/noise.ts';
import { type Key, keyOf, inTrainingOrder, philox, STREAM } from '../core/random.ts';
import { ContextWeights } from './context.ts';
import { SCALE, type Schedule, scheduleOf, steps } from './schedule.ts';
import { batchTimes } from './time.ts';
import { type Bounds, type Units, unitsOf } from './units.ts';
import { chance, isTooShort } from './weight.ts';

/** Times that are held at once, 8 bytes each: of more units than that they are drawn again for the next windows. */
const MOST_TIMES = 2 ** 23;
/** Units of one optimizer batch: drawn and ranked together, 40 bytes each. */
const MOST_IN_BATCH = 2 ** 25;

/** What a pass is drawn over. */
export interface NoiseCorpus {
  /** For messages. */
  readonly dir: string;
  readonly seed: number;
  /** Window numbers of a subset, ascending; together all from 0. */
  readonly train: Int32Array;
  readonly validation: Int32Array;
  window(window: number): Promise<NoiseWindow>;
}

export interface NoiseWindow {
  readonly numTokens: number;
  readonly segments: readonly Bounds[];
  /** Attention-group offsets; asked for where contexts are weighed. */
  readonly cuSeqlens: Int32Array;
}

/** The draws of one window. */
export interface Draw {
  readonly window: number;
  readonly unitLengths: Int32Array;
  readonly p: Float32Array;
  readonly weight: Float32Array;
  readonly key: Key;
  readonly contextWeight: Float32Array | null;
}

/** The key of a window's masked positions in a pass. */
export function windowKey(seed: number, pass: number, window: number): Key {
  const draw = new Uint32Array(4);
  philox(draw, keyOf(seed), window, 0, pass, STREAM.window);
  return [draw[0]!, draw[1]!];
}

/** Tokens of a window that a pass looks at: all, or of a share of windows a uniform number of them (LLaDA's 1 %). */
export function passLength({ randomLength }: NoiseForm, seed: number, pass: number, window: number, numTokens: number) {
  if (randomLength === 0) return numTokens;
  const draw = new Uint32Array(4);
  philox(draw, keyOf(seed), window, 0, pass, STREAM.length);
  return draw[0]! / 2 ** 32 < randomLength ? 1 + Math.floor((draw[1]! * numTokens) / 2 ** 32) : numTokens;
}

/**
 * One pass of noise over a corpus, a draw for each window, by window number. Times are drawn in training order for the training
 * windows and in window order for the others, a batch together; a complement goes by the pass before it. Memory: 16 bytes a
 * window, and the times of 8M units, whatever the corpus.
 */
export async function* drawPass(corpus: NoiseCorpus, form: NoiseForm, pass: number): AsyncGenerator<Draw> {
  const { seed, train, validation } = corpus;
  const drawn = drawnPass(form, pass);
  const context = form.contextAlpha > 0 ? new ContextWeights(form) : null;
  const read = async (window: number): Promise<NoiseWindow & { readonly units: Units }> => {
    const found = await corpus.window(window);
    checkBounds(corpus.dir, window, found);
    const length = passLength(form, seed, drawn, window, found.numTokens);
    return { ...found, units: unitsOf(form, found.segments, length) };
  };
  const counts = new Int32Array(train.length + validation.length);
  const isTraining = new Uint8Array(counts.length);
  for (const window of train) isTraining[window] = 1;
  for (let window = 0; window < counts.length; window++) {
    const { units, cuSeqlens, numTokens } = await read(window);
    counts[window] = units.lengths.length;
    checkUnits(corpus.dir, form, window, units);
    if (isTraining[window]) context?.count(cuSeqlens, numTokens);
  }
  const order = inTrainingOrder(train, seed, drawn);
  const batches = [...inBatches(order, form.batchWindows), ...inBatches(validation, form.batchWindows)];
  const schedule = scheduleOf(form.schedule, form);
  for (const { first, end } of runs(counts, MOST_TIMES)) {
    const { times, offsets } = timesOf(batches, counts, first, end, (windows, own) => {
      const units = own.reduce((sum, count) => sum + count, 0);
      if (units > MOST_IN_BATCH)
        throw noiseImpossible(
          corpus.dir,
          `a batch of ${windows.length} windows has ${units} units, more than ${MOST_IN_BATCH}`,
          'choose a smaller --batch-windows or larger units',
        );
      return batchTimes(form.times, windows, own, seed, drawn);
    });
    for (let window = first; window < end; window++) {
      const { units, cuSeqlens, numTokens } = await read(window);
      const own = times.subarray(offsets[window - first], offsets[window - first + 1]);
      yield {
        window,
        unitLengths: units.lengths,
        ...levels(form, isComplement(form, pass), schedule, own, units.maskable),
        key: windowKey(seed, drawn, window),
        contextWeight: context?.of(cuSeqlens, numTokens) ?? null,
      };
    }
  }
}

/** p and weight of units at their times. */
export function levels(
  form: NoiseForm,
  complement: boolean,
  schedule: Schedule,
  times: Float64Array,
  maskable: Int32Array,
): { p: Float32Array; weight: Float32Array } {
  const p = new Float32Array(times.length);
  const weight = new Float32Array(times.length);
  for (let unit = 0; unit < times.length; unit++) {
    const t = times[unit]!;
    const n = maskable[unit]!;
    // Both of a pair have a p above 0.
    const drawn = form.complementary ? Math.min(SCALE - 1, steps(schedule.p(t))) : steps(schedule.p(t));
    const k = complement ? SCALE - drawn : drawn;
    p[unit] = k / SCALE;
    if (n === 0) continue;
    const share = form.weights === 'one' ? 1 : chance(form, k, n, complement);
    weight[unit] = (form.weights === 'derivative' ? schedule.slope(t) : 1) / share;
  }
  return { p, weight };
}

/** Segments that do not tile their window would give units of nothing, or of padding. */
function checkBounds(dir: string, window: number, { segments, numTokens }: NoiseWindow): void {
  let end = 0;
  for (const { start, length, promptTokens } of segments) {
    if (length < 1) throw corpusCorrupt(dir, `window ${window}`, `a segment has ${length} tokens`);
    if (start !== end)
      throw corpusCorrupt(dir, `window ${window}`, `a segment starts at ${start}, the one before ends at ${end}`);
    if (promptTokens < 0 || promptTokens > length)
      throw corpusCorrupt(dir, `window ${window}`, `a segment of ${length} tokens has a prompt of ${promptTokens}`);
    end += length;
  }
  if (end !== numTokens || end === 0)
    throw corpusCorrupt(dir, `window ${window}`, `its segments have ${end} tokens, it has ${numTokens}`);
}

function checkUnits(dir: string, form: NoiseForm, window: number, { lengths, maskable }: Units): void {
  for (let unit = 0; unit < lengths.length; unit++)
    if (isTooShort(form, maskable[unit]!))
      throw noiseImpossible(
        dir,
        `window ${window}, unit ${unit} has one token that can be masked, so that of a complementary pair one pass masks none`,
        'leave complementary out, or at_least_one and exact; short documents can be left out of a corpus by packing.min_segment, a block or a random length that leaves one token cannot',
      );
}

function* inBatches(order: Int32Array, size: number): Generator<Int32Array> {
  for (let first = 0; first < order.length; first += size) yield order.subarray(first, first + size);
}

/** Windows in a row with at most `most` units together, or one window. */
function* runs(counts: Int32Array, most: number): Generator<{ first: number; end: number }> {
  let first = 0;
  let units = 0;
  for (let window = 0; window < counts.length; window++) {
    if (window > first && units + counts[window]! > most) {
      yield { first, end: window };
      first = window;
      units = 0;
    }
    units += counts[window]!;
  }
  if (first < counts.length) yield { first, end: counts.length };
}

/** Times of the units of windows `first` to `end`, window by window, out of the batches that have some of them. */
function timesOf(
  batches: readonly Int32Array[],
  counts: Int32Array,
  first: number,
  end: number,
  draw: (windows: Int32Array, counts: Int32Array) => Float64Array,
): { times: Float64Array; offsets: Float64Array } {
  const offsets = new Float64Array(end - first + 1);
  for (let window = first; window < end; window++)
    offsets[window - first + 1] = offsets[window - first]! + counts[window]!;
  const times = new Float64Array(offsets[end - first]!);
  for (const windows of batches) {
    if (!windows.some((window) => window >= first && window < end)) continue;
    const own = windows.map((window) => counts[window]!);
    const drawn = draw(windows, own);
    let at = 0;
    for (let i = 0; i < windows.length; i++) {
      const window = windows[i]!;
      if (window >= first && window < end) times.set(drawn.subarray(at, at + own[i]!), offsets[window - first]);
      at += own[i]!;
    }
  }
  return { times, offsets };
}
