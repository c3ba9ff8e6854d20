import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipelineFrom, planConfig } from '../../src/config/index.ts';
import type { MaskedWindow, Segment, Subset } from '../../src/core/window.ts';
import { blockMask } from '../../src/mask/index.ts';
import { emptyLedger } from '../../src/run/ledger.ts';
import { FORMAT, type Manifest, shardSink, type SplitEntry } from '../../src/shard/index.ts';

export interface WindowsOptions {
  readonly windowLength: number;
  /** Windows of each split: training ones first. */
  readonly splits: readonly Readonly<Record<Subset, number>>[];
  /** Segments of a window: 1 to this. */
  readonly segments?: number;
}

const SOURCES = ['books', 'web', 'Gedichte 诗'];
const SPECIAL = { mask: 0, bos: null, eos: 1, pad: 2 };
const DOCUMENTS = 2 ** 31 - 1;
const HASH = 'a'.repeat(64);

/** Numbers below `n`, the same ones for the same seed. */
export function dice(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/**
 * A corpus of windows that no tokenizer made: random ids, several documents and sources, prompts, cut documents, padding or
 * none; enough for what reads windows and boundaries (there are no documents, receipts or plan).
 */
export async function writeWindows(dir: string, options: WindowsOptions): Promise<Manifest> {
  const { windowLength, splits } = options;
  mkdirSync(dir, { recursive: true });
  const tokenizer = { sha256: HASH, vocabSize: 70_000, specialIds: SPECIAL };
  const entries: SplitEntry[] = [];
  let firstWindow = 0;
  for (const [i, counts] of splits.entries()) {
    // Numbers of splits have gaps.
    const split = 5 * i;
    const windows = counts.train + counts.validation;
    const sink = shardSink({
      dir,
      split,
      windowLength,
      sources: SOURCES,
      from: { plan: HASH, policy: 'adaptive', tokenizer },
      maskInfo: {},
    });
    const shards = await sink.write(flow(split, counts, options), { reject() {}, progress() {} });
    // From the second split on, numbers of documents do not fit into an int32.
    entries.push({
      split,
      firstWindow,
      windows,
      firstDocument: i * DOCUMENTS,
      documents: DOCUMENTS,
      shards,
      table: null,
    });
    firstWindow += windows;
  }
  const sum = (subset: Subset) => splits.reduce((total, counts) => total + counts[subset], 0);
  const manifest: Manifest = {
    format: FORMAT,
    plan: HASH,
    version: '0.0.0',
    name: 'windows',
    windowLength,
    policy: 'adaptive',
    seed: 5,
    tokenizer,
    windows: { train: sum('train'), validation: sum('validation') },
    ledger: emptyLedger(),
    ledgerBySource: Object.fromEntries(SOURCES.map((source) => [source, emptyLedger()])),
    splits: entries,
    rejects: null,
    order: { method: 'argsort-philox4x32-10', seed: 5 },
    config: planConfig(
      await pipelineFrom({ name: 'windows', inputs: [{ paths: ['none'] }], tokenizer: 'none', window: windowLength }),
      2 ** 22,
      null,
      null,
    ),
  };
  writeFileSync(join(dir, 'manifest.json'), JSON.stringify(manifest));
  return manifest;
}

async function* flow(
  split: number,
  counts: Readonly<Record<Subset, number>>,
  options: WindowsOptions,
): AsyncGenerator<{ items: MaskedWindow[]; cursor: { bytes: number; records: number } }> {
  for (let index = 0; index < counts.train + counts.validation; index++)
    yield {
      items: [maskedWindow(split, index, index < counts.train ? 'train' : 'validation', options)],
      cursor: { bytes: 0, records: 0 },
    };
}

function maskedWindow(
  split: number,
  index: number,
  subset: Subset,
  { windowLength, segments: most = 9 }: WindowsOptions,
): MaskedWindow {
  const roll = dice(split * 1000 + index);
  const numTokens = roll(3) === 0 ? windowLength : 1 + roll(windowLength);
  const segments: Segment[] = [];
  for (let start = 0; start < numTokens;) {
    const last = segments.length + 1 === most;
    const length = last ? numTokens - start : Math.min(1 + roll(numTokens), numTokens - start);
    segments.push({
      start,
      length,
      split: 5 * roll(split / 5 + 1),
      document: roll(1_000_000),
      source: SOURCES[roll(SOURCES.length)]!,
      documentOffset: roll(2) * 5_000_000_000,
      part: roll(3),
      group: segments.length,
      promptTokens: roll(2) * roll(length + 1),
    });
    start += length;
  }
  const inputIds = new Int32Array(windowLength).fill(SPECIAL.pad);
  for (let i = 0; i < numTokens; i++) inputIds[i] = 3 + roll(69_997);
  return {
    window: { index, subset, inputIds, numTokens, segments },
    mask: blockMask(segments, numTokens, windowLength, 'adaptive'),
  };
}
