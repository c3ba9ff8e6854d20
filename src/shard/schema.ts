/** The tables of a corpus folder as Arrow schemas; docs/format.md says what each column means. */
import { canonicalJson } from '../core/fingerprint.ts';
import { BLOCK_SIZE } from '../core/limits.ts';
import {
  binary,
  dictionary,
  field,
  fixedListOf,
  float32,
  int16,
  int32,
  int64,
  listOf,
  schemaOf,
  structOf,
  uint64,
  utf8,
} from './arrow.ts';
import { FORMAT, type TokenizerInfo } from './manifest.ts';

/** What every table of a corpus says about where it comes from. */
export interface Provenance {
  readonly plan: string;
  readonly policy: string;
  readonly tokenizer: TokenizerInfo;
}

const metadata = ({ plan, policy, tokenizer }: Provenance, table: string) => ({
  format: FORMAT,
  table,
  plan,
  policy,
  tokenizer_sha256: tokenizer.sha256,
  special_ids: canonicalJson({ ...tokenizer.specialIds }),
  block_size: String(BLOCK_SIZE),
});

export const sourceType = dictionary(0);
export const reasonType = dictionary(1);
export const policyType = dictionary(2);
export const segmentType = structOf([
  field('start', int32),
  field('length', int32),
  field('split', int32),
  field('document', int32),
  field('source', sourceType),
  field('document_offset', int64),
  field('part', int32),
  field('group', int32),
  field('prompt_tokens', int32),
]);
export const segmentsType = listOf(segmentType);
export const int32List = listOf(int32);
export const int16List = listOf(int16);
export const float32List = listOf(float32);
export const idsType = (windowLength: number) => fixedListOf(int32, windowLength);

export const shardSchema = (windowLength: number, from: Provenance) =>
  schemaOf(
    [
      field('window', int32),
      field('input_ids', idsType(windowLength)),
      field('num_tokens', int32),
      field('segments', segmentsType),
    ],
    metadata(from, 'windows'),
  );

/** `doubled`: of block diffusion, whose ranges are those of two halves; `info` is what the policy means (mask/metadata.ts). */
export const maskSchema = (from: Provenance, info: Readonly<Record<string, string>>, doubled: boolean) =>
  schemaOf(
    [
      field('window', int32),
      field('policy', policyType),
      field('cu_seqlens', int32List),
      field('max_seqlen', int32),
      field('block_mask', doubled ? int16List : int32List),
      field('allowed_pairs', int64),
    ],
    { ...metadata(from, doubled ? 'doubled-masks' : 'masks'), ...info },
  );

export const documentSchema = (from: Provenance) =>
  schemaOf(
    [
      field('input', int32),
      field('record', int32),
      field('start', int64),
      field('end', int64),
      field('id', utf8, true),
      field('source', sourceType),
      field('subset', utf8),
      field('bytes', int64),
      field('tokens', int64),
      field('parts', int32),
      field('copies', int32),
      field('dropped', reasonType),
      field('group', int64),
      field('hash', binary(16)),
    ],
    metadata(from, 'documents'),
  );

export const decisionSchema = (from: Provenance) =>
  schemaOf([field('hash', int64), field('copies', int32), field('dropped', reasonType)], metadata(from, 'decision'));

export const tailSchema = (from: Provenance) =>
  schemaOf(
    [
      field('split', int32),
      field('document', int32),
      field('source', sourceType),
      field('subset', utf8),
      field('document_offset', int64),
      field('part', int32),
      field('prompt_tokens', int32),
      field('copy', int32),
      field('key', int64),
      field('ids', int32List),
    ],
    metadata(from, 'tail'),
  );

export const noiseFields = (contexts: boolean) => [
  field('window', int32),
  field('unit_lengths', int32List),
  field('p', float32List),
  field('weight', float32List),
  field('key', uint64),
  ...(contexts ? [field('context_weight', float32List)] : []),
];

export const noiseSchema = (from: Provenance, settings: Readonly<Record<string, string>>, contexts: boolean) =>
  schemaOf(noiseFields(contexts), { ...metadata(from, 'noise'), ...settings });

export const bitsType = (windowLength: number) => binary(Math.ceil(windowLength / 8));

export const bitsSchema = (windowLength: number, from: Provenance, settings: Readonly<Record<string, string>>) =>
  schemaOf([field('window', int32), field('masked', bitsType(windowLength)), field('masked_count', int32)], {
    ...metadata(from, 'noise-bits'),
    ...settings,
  });
