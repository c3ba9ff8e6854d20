import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { SAMPLES, TOKENIZER } from './prep.ts';

/** Settings of the small pipeline, as they stand in its file. */
export const SMALL = {
  name: 'small',
  inputs: [
    { source: 'a', paths: ['chapters.jsonl'] },
    { source: 'b', paths: ['definitions.jsonl.gz', 'poems.parquet'] },
  ],
  tokenizer: TOKENIZER,
  window: 512,
  validation: 0.05,
  split_bytes: '8KiB',
  noise: { passes: 3 },
};

/** A folder with a cut-down sample (0.13 MB in three forms, 7 splits) and the pipeline file over it. Returns the latter. */
export function writeSmallCorpus(dir: string): string {
  mkdirSync(dir, { recursive: true });
  const lines = (text: string, bytes: number) => text.slice(0, text.lastIndexOf('\n', bytes) + 1);
  const sample = (name: string) => readFileSync(join(SAMPLES, 'corpus', name));
  writeFileSync(join(dir, 'chapters.jsonl'), lines(sample('chapters.jsonl').toString(), 40_000));
  const definitions = gunzipSync(sample('definitions.jsonl.gz')).toString();
  writeFileSync(join(dir, 'definitions.jsonl.gz'), gzipSync(lines(definitions, 15_000)));
  cpSync(join(SAMPLES, 'corpus/poems.parquet'), join(dir, 'poems.parquet'));
  return writePipeline(dir, SMALL);
}

/** A pipeline file: YAML has JSON in it. */
export function writePipeline(dir: string, settings: object, name = 'pipeline.yaml'): string {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, name);
  writeFileSync(path, `${JSON.stringify(settings, null, 2)}\n`);
  return path;
}

/** Writes records as JSON Lines. */
export function writeJsonl(path: string, records: readonly unknown[]): string {
  writeFileSync(path, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  return path;
}
