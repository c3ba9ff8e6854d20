/** What an exported window consists of. The names are those that trainers look for; docs/exports.md says what each means. */

export type ValueType = 'int8' | 'int32' | 'int64';
export type Values = Int8Array<ArrayBuffer> | Int32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>;

/** `one` value a window, one for each place of the `window`, or a list whose lengths all columns of that name share. */
export type Shape = 'one' | 'window' | 'cu_seqlens' | 'seq_lengths' | 'segments';

export interface Column {
  readonly name: string;
  readonly type: ValueType;
  readonly shape: Shape;
}

const column = (name: string, type: ValueType, shape: Shape): Column => ({ name, type, shape });

/** Always there. `seq_lengths` says what `cu_seqlens` does: TRL reads the one, flash-attention the other. */
const COLUMNS: readonly Column[] = [
  column('window', 'int32', 'one'),
  column('input_ids', 'int32', 'window'),
  column('num_tokens', 'int32', 'one'),
  column('cu_seqlens', 'int32', 'cu_seqlens'),
  column('max_seqlen', 'int32', 'one'),
  column('seq_lengths', 'int32', 'seq_lengths'),
  column('segment_lengths', 'int32', 'segments'),
  column('segment_prompts', 'int32', 'segments'),
  column('segment_documents', 'int64', 'segments'),
  column('segment_offsets', 'int64', 'segments'),
  column('segment_sources', 'int32', 'segments'),
];

/** A value for each token, so only where asked for: they add 4 bytes and 1 to the 4 that a token takes. */
const ON_REQUEST: readonly Column[] = [
  column('position_ids', 'int32', 'window'),
  column('completion_mask', 'int8', 'window'),
];
export const OPTIONAL_COLUMNS: readonly string[] = ON_REQUEST.map(({ name }) => name);

export const columnsWith = (names: readonly string[]): readonly Column[] => [
  ...COLUMNS,
  ...ON_REQUEST.filter(({ name }) => names.includes(name)),
];

/** Where the values of a row stand. */
export function rangeOf({ shape }: Column, batch: WindowBatch, row: number): [start: number, end: number] {
  if (shape === 'one') return [row, row + 1];
  if (shape === 'window') return [row * batch.windowLength, (row + 1) * batch.windowLength];
  return [batch.offsets[shape][row]!, batch.offsets[shape][row + 1]!];
}

export type ListShape = Exclude<Shape, 'one' | 'window'>;
export const LIST_SHAPES: readonly ListShape[] = ['cu_seqlens', 'seq_lengths', 'segments'];

/** Some windows, column by column. The arrays of `window` columns are used again for the next batch. */
export interface WindowBatch {
  readonly rows: number;
  readonly windowLength: number;
  /** By column name. */
  readonly values: Readonly<Record<string, Values>>;
  /** [rows + 1] for each kind of list. */
  readonly offsets: Readonly<Record<ListShape, Int32Array<ArrayBuffer>>>;
}

export const bytesOf = ({ buffer, byteOffset, byteLength }: Values): Uint8Array<ArrayBuffer> =>
  new Uint8Array(buffer, byteOffset, byteLength);
