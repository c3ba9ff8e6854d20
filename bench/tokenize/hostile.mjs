import { modelOf, tokenizerOf } from './ours-thread.mjs';
import { median } from './measure.mjs';

/** Texts of at least `bytes` bytes that make quadratic tokenizers stand still. */
const SHAPES = {
  'one letter': (bytes) => 'a'.repeat(bytes),
  spaces: (bytes) => ' '.repeat(bytes),
  underscores: (bytes) => '_'.repeat(bytes),
  'one CJK character': (bytes) => '中'.repeat(bytes / 3 + 1),
  emoji: (bytes) => '😀'.repeat(bytes / 4),
  'combining marks': (bytes) => `e${'\u0301'.repeat(bytes / 2)}`,
  digits: (bytes) => '1234567890'.repeat(bytes / 10 + 1),
  newlines: (bytes) => '\n'.repeat(bytes),
  'newlines and spaces': (bytes) => '\n '.repeat(bytes / 2),
  'ab repeated': (bytes) => 'ab'.repeat(bytes / 2),
  apostrophes: (bytes) => "'".repeat(bytes),
  'random hex': (bytes) => hex(bytes),
};

const KIB = 1024;
const SIZES = [64, 128, 256, 512, 1024];
const REPEATS = 5;
/** Short runs are added up to this in a sample, [milliseconds]. */
const LONG_ENOUGH = 4;

export const GOAL = { perDoubling: 2.4, milliseconds1MiB: 1000 };

/**
 * Time of each shape and size, caches empty: CPU time of the process, which a busy machine does not stretch, and of 1 MiB
 * the wall time. A doubling is the median of the repeats' ratios; all sizes are in every repeat.
 */
export async function measureHostile(path, log) {
  const { tokenizer, forget } = await tokenizerOf(await modelOf(path));
  const results = {};
  for (const [shape, make] of Object.entries(SHAPES)) {
    const texts = SIZES.map((size) => Buffer.from(make(size * KIB)).subarray(0, size * KIB + 4));
    time(texts[0], 1);
    const runs = texts.map((text) => Math.min(64, Math.max(1, Math.round(LONG_ENOUGH / time(text, 1).cpu))));
    const repeats = Array.from({ length: REPEATS }, () => texts.map((text, i) => time(text, runs[i])));
    const of = (i, unit) => Number(median(repeats.map((repeat) => repeat[i][unit])).toPrecision(4));
    const doublings = [1, 2, 3].map((i) => median(repeats.map((repeat) => repeat[i].cpu / repeat[i - 1].cpu)));
    results[shape] = {
      milliseconds: Object.fromEntries(SIZES.map((size, i) => [size, of(i, 'cpu')])),
      wallMilliseconds1MiB: of(SIZES.indexOf(1024), 'wall'),
      worstDoubling: Number(Math.max(...doublings).toPrecision(3)),
    };
    log(shape);
  }
  return results;

  /** Milliseconds of one encoding, the mean of `runs`, with caches emptied before each. */
  function time(text, runs) {
    let cpu = 0;
    let wall = 0;
    for (let run = 0; run < runs; run++) {
      forget?.();
      const before = process.cpuUsage();
      const began = performance.now();
      tokenizer.encode(text);
      wall += performance.now() - began;
      const { user, system } = process.cpuUsage(before);
      cpu += (user + system) / 1000;
    }
    return { cpu: cpu / runs, wall: wall / runs };
  }
}

function hex(bytes) {
  let state = 1;
  const digits = Buffer.alloc(bytes);
  for (let i = 0; i < bytes; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    digits[i] = '0123456789abcdef'.charCodeAt(state >>> 28);
  }
  return digits.toString();
}
