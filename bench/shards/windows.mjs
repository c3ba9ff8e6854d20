// Windows that no tokenizer made, and the manifest over their shards: what the reader and the writer are timed on.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipelineFrom, planConfig } from '../../dist/config/index.js';
import { blockMask } from '../../dist/mask/index.js';
import { emptyLedger } from '../../dist/run/ledger.js';
import { FORMAT, shardSink } from '../../dist/shard/index.js';

const DISTINCT = 64;
const SEGMENTS = 16;
const VOCABULARY = 151_936;
const HASH = 'b'.repeat(64);
const TOKENIZER = { sha256: HASH, vocabSize: VOCABULARY, specialIds: { mask: 0, bos: null, eos: 1, pad: 2 } };

/** `count` windows of `windowLength` tokens, each of 16 documents; their ids are those of 64, over and over. */
export function makeWindows(windowLength, count) {
  let state = 1;
  const ids = Array.from({ length: DISTINCT }, () =>
    Int32Array.from({ length: windowLength }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state % VOCABULARY;
    }),
  );
  const length = windowLength / SEGMENTS;
  const segments = Array.from({ length: SEGMENTS }, (_, i) => ({
    start: i * length,
    length,
    split: 0,
    document: i,
    source: 'bench',
    documentOffset: 0,
    part: 0,
    group: i,
    promptTokens: 0,
  }));
  const mask = blockMask(segments, windowLength, windowLength, 'adaptive');
  return Array.from({ length: count }, (_, index) => ({
    window: { index, subset: 'train', inputIds: ids[index % DISTINCT], numTokens: windowLength, segments },
    mask,
  }));
}

/** Writes them as the shards of split 0. */
export function writeShards(dir, windowLength, windows) {
  const from = { plan: HASH, policy: 'adaptive', tokenizer: TOKENIZER };
  const sink = shardSink({ dir, split: 0, windowLength, sources: ['bench'], from });
  async function* flow() {
    for (let at = 0; at < windows.length; at += 16)
      yield { items: windows.slice(at, at + 16), cursor: { bytes: 0, records: 0 } };
  }
  return sink.write(flow(), { reject() {}, progress() {} });
}

/** Makes a corpus of them. */
export async function writeCorpus(dir, windowLength, count) {
  const shards = await writeShards(dir, windowLength, makeWindows(windowLength, count));
  const split = {
    split: 0,
    firstWindow: 0,
    windows: count,
    firstDocument: 0,
    documents: SEGMENTS,
    shards,
    table: null,
  };
  const settings = { name: 'bench', inputs: [{ paths: ['none'] }], tokenizer: 'none', window: windowLength };
  const manifest = {
    format: FORMAT,
    plan: HASH,
    version: '0.0.0',
    name: 'bench',
    windowLength,
    policy: 'adaptive',
    seed: 0,
    tokenizer: TOKENIZER,
    windows: { train: count, validation: 0 },
    ledger: emptyLedger(),
    ledgerBySource: { bench: emptyLedger() },
    splits: [split],
    rejects: null,
    order: { method: 'argsort-philox4x32-10', seed: 0 },
    config: planConfig(await pipelineFrom(settings), 2 ** 23, null, null),
  };
  writeFileSync(join(dir, 'manifest.json'), JSON.stringify(manifest));
}
