export { isOurName, isOurPath } from './check-names.ts';
export { planFormat, readChecked } from './check.ts';
export type { Corpus, NoisePass, NoiseRow, WindowLayout, WindowRecord } from './corpus.ts';
export { decisionChunks, readDecision } from './decision.ts';
export { documentChunks, readDocuments, type StoredDocuments } from './documents.ts';
export * from './manifest.ts';
export { writeBits } from './bits.ts';
export { type PassInfo, writeRows } from './noise.ts';
export { firstNumbers, lastReceipt } from './numbers.ts';
export { maskBytes, type NumberedMask } from './masks.ts';
export {
  maskNames,
  newestCorpus,
  openCorpus,
  readBitsReceipt,
  readManifest,
  readMaskReceipt,
  readPassReceipt,
  type StoredCorpus,
} from './open.ts';
export * from './receipt.ts';
export { provenChunks, readProven } from './proven.ts';
export { decoded, readListed, segmentsOf } from './shard-columns.ts';
export type { Provenance } from './schema.ts';
export { type ShardOptions, shardSink, splitName } from './shard-sink.ts';
export { readTail, tailChunks } from './tail.ts';
export {
  COMPRESSIONS,
  EXPORT_TARGETS,
  exportCorpus,
  type ExportManifest,
  type ExportOptions,
  type ExportTarget,
  OPTIONAL_COLUMNS,
} from './export/index.ts';
