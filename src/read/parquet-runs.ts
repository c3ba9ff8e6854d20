/** The counts inside Parquet's pages, checked before hyparquet believes them. */
import { deltaBinaryUnpack } from 'hyparquet/src/delta.js';
import { readRleBitPackedHybrid } from 'hyparquet/src/encoding.js';

/** A place in a page; reading past its end throws. */
export interface Cursor {
  readonly view: DataView;
  offset: number;
}

const refuse = (what: string): never => {
  throw new Error(`a page has ${what}`);
};

/**
 * Passes over runs of `width` bits a value, which must hold `values` before `end`. hyparquet writes a run out before it looks
 * whether it is longer than the page (a count of 2^30 takes minutes, and all memory), and never ends one of no bits.
 */
export function passRuns(at: Cursor, width: number, values: number, end: number): void {
  for (let seen = 0; seen < values;) {
    if (at.offset >= end) refuse(`${seen} of ${values} values`);
    const header = varint(at);
    const count = (header & 1) === 1 ? Math.floor(header / 2) * 8 : Math.floor(header / 2);
    // Groups of eight may end in values that are not there; no writer adds many such groups.
    if (count > 2 * values + 512) refuse(`a run of ${count} values, of ${values} in all`);
    if ((header & 1) === 0 && count > values) refuse(`a run of ${count} values, of ${values} in all`);
    at.offset += (header & 1) === 1 ? (count / 8) * width : (width + 7) >> 3;
    seen += count;
  }
}

/** The same of levels up to `most`; how many of them are `most`. */
export function countHighest(at: Cursor, most: number, values: number, end: number): number {
  const [levels, start, width] = [new Uint8Array(values), at.offset, 32 - Math.clz32(most)];
  passRuns(at, width, values, end);
  readRleBitPackedHybrid({ view: at.view, offset: start }, width, levels as never, end - start);
  let count = 0;
  for (const level of levels) if (level === most) count++;
  return count;
}

/** Passes over `values` numbers in delta encoding: a block that ends before it begins is one to hyparquet, again and again. */
export function passDeltas(at: Cursor, values: number): void {
  const [block, parts] = [varint(at), varint(at)];
  varint(at);
  varint(at);
  const each = block / parts;
  if (!(each > 0 && each % 8 === 0)) refuse(`blocks of ${block} values in ${parts} parts`);
  for (let seen = 1; seen < values;) {
    varint(at);
    let widths = at.offset;
    at.offset += parts;
    for (let part = 0; part < parts && seen < values; part++, seen += each)
      at.offset += (each / 8) * at.view.getUint8(widths++);
  }
}

/** Passes over texts that begin as the one before does: a beginning longer than that one is memory asked for, and no text. */
export function passDeltaTexts(at: Cursor, values: number, most: number): void {
  const [prefixes, suffixes] = [numbers(at, values), numbers(at, values)];
  let before = 0;
  let sum = 0;
  for (let i = 0; i < values; i++) {
    const [prefix, suffix] = [prefixes[i]!, suffixes[i]!];
    if (!(prefix >= 0 && prefix <= before && suffix >= 0)) refuse(`a text of ${prefix} and ${suffix} bytes`);
    sum += before = prefix + suffix;
    if (sum > most) refuse(`texts of ${sum} bytes`);
  }
}

function numbers(at: Cursor, values: number): Int32Array {
  const [result, start] = [new Int32Array(values), at.offset];
  passDeltas(at, values);
  if (values > 0) deltaBinaryUnpack({ view: at.view, offset: start }, values, result);
  return result;
}

/** At most ten bytes: hyparquet reads as many as there are, in time that grows with their square where they are a long. */
function varint(at: Cursor): number {
  let value = 0;
  for (let scale = 1; scale < 2 ** 70; scale *= 128) {
    const byte = at.view.getUint8(at.offset++);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
  }
  return refuse('a number of more than ten bytes');
}
