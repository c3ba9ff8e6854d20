export type { Corpus, NoisePass, NoiseRow, WindowLayout, WindowRecord } from './corpus.ts';
export { documentBytes, readDocuments } from './documents.ts';
export * from './manifest.ts';
export { noiseBytes, type PassInfo, readNoise } from './noise.ts';
export { newestCorpus, openCorpus, readManifest, readPassReceipt } from './open.ts';
export * from './receipt.ts';
export type { Provenance } from './schema.ts';
export { type ShardOptions, shardSink, splitName } from './shard-sink.ts';
export { readTail, tailBytes } from './tail.ts';
