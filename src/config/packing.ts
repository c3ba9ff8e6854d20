import { configInvalid } from '../core/errors.ts';
import { quantity } from './quantity.ts';
import type { Packing, RawPacking } from './pipeline.ts';

/**
 * Names of other tools for what is done here, and what they do with a document longer than the window. TRL (1.16): `bfd`
 * truncates, `bfd_split` (once `bfd-requeue`) splits, `wrapped` concatenates and cuts. NeMo: `first_fit_decreasing`.
 */
const METHODS: Readonly<Record<string, readonly [Packing['method'], Packing['longDocuments']]>> = {
  'best-fit': ['best-fit', 'split'],
  'balanced-fit': ['balanced-fit', 'split'],
  'first-fit': ['first-fit', 'split'],
  'first-fit-decreasing': ['first-fit-decreasing', 'split'],
  concat: ['concat', 'split'],
  bfd: ['best-fit', 'truncate'],
  bfd_split: ['best-fit', 'split'],
  'bfd-requeue': ['best-fit', 'split'],
  first_fit_decreasing: ['first-fit-decreasing', 'split'],
  wrapped: ['concat', 'split'],
};

/** OLMo-core: `fragment` splits, `truncate` is called the same. */
const LONG_DOCUMENTS: Readonly<Record<string, Packing['longDocuments']>> = {
  split: 'split',
  fragment: 'split',
  truncate: 'truncate',
  drop: 'drop',
};

export const METHOD_NAMES = Object.keys(METHODS);
export const LONG_DOCUMENT_NAMES = Object.keys(LONG_DOCUMENTS);

/** Settings in our names; `file` for messages. */
export function resolvePacking(raw: RawPacking, windowLength: number, file: string): Packing {
  const [method, implied] = METHODS[raw.method]!;
  const longDocuments = raw.long_documents === undefined ? implied : LONG_DOCUMENTS[raw.long_documents]!;
  const { long_share: longShare, shuffle } = raw;
  const minSegment = quantity(raw.min_segment);
  if (minSegment > windowLength)
    throw configInvalid(
      file,
      { line: 0, column: 0, field: 'packing.min_segment' },
      `is ${minSegment}, but a window has ${windowLength} tokens`,
      'give fewer tokens than the window has',
    );
  if (longShare !== null && longDocuments !== 'split')
    throw configInvalid(
      file,
      { line: 0, column: 0, field: 'packing.long_share' },
      `is ${longShare}, but long documents are not kept: long_documents is ${longDocuments}`,
      'take long_documents: split',
    );
  return { method, longDocuments, minSegment, longShare, shuffle };
}
