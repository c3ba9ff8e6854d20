/** Lines of JSON, good and bad, drawn from a seed, and what JSON.parse says of them. */
import { SHORT_BYTES, SLAB_BYTES } from '../../src/core/slab.ts';
import { recordOf } from '../../src/read/json-record.ts';
import { takeText } from '../../src/read/record.ts';
import { RecordScanner } from '../../src/read/json-bytes.ts';
import type { RecordFields } from '../../src/read/record.ts';

export type Draw = (below: number) => number;

/** Mulberry32: whole numbers below a bound. */
export function draws(seed: number): Draw {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

export const pick = <T>(draw: Draw, from: readonly T[]): T => from[draw(from.length)]!;

/** What is asked for: plain names, dots, one member for both, a name that is no number and one that is. */
export const ASKED: readonly RecordFields[] = [
  { text: 'text', id: 'id' },
  { text: 'text', id: null },
  { text: 'text', id: 'text' },
  { text: 'meta.text', id: 'meta.id' },
  { text: 'meta.text', id: 'meta' },
  { text: 'meta.a.text', id: 'a..id' },
  { text: '', id: '0' },
  { text: '__proto__', id: '__proto__.id' },
  { text: 'täxt😀', id: 'meta.text' },
];

const SPACES = ['', '', '', '', ' ', '  ', '\t', '\r', ' \t\r '];
const NUMBERS = ['0', '-0', '7', '-12', '0.5', '-0.25', '1e5', '1E+5', '2e-7', '1.5e300', '1e400', '-1E-400', '1e21'];
const LONG_NUMBERS = ['123456789012345678901234567890', '0.1000000000000000055511151231257827', '9007199254740993'];
const ESCAPES = ['\\n', '\\r', '\\t', '\\b', '\\f', '\\"', '\\\\', '\\/'];
const LETTERS = [
  'a',
  'text ',
  'zehn Worte',
  'ä',
  'ß',
  '三',
  '文字',
  '😀',
  '\u2028',
  '\u007f',
  '\u0080',
  '\uffff',
  '{]:,',
];
const LONE = ['\\ud800', '\\udfff', '\\ud83dx', '\\ud83d😀', '\\ud83d\\n', '\\ud83d\\u0041', '\\udc00\\ud800'];

const escaped = (draw: Draw, unit: number): string => {
  const hex = unit.toString(16).padStart(4, '0');
  return `\\u${[...hex].map((digit) => (draw(2) === 0 ? digit : digit.toUpperCase())).join('')}`;
};

export function jsonString(draw: Draw, lone = draw(150) === 0): string {
  const pieces: string[] = lone ? [pick(draw, LONE)] : [];
  for (let count = draw(pick(draw, [2, 6, 30])); count > 0; count--) {
    const kind = draw(9);
    if (kind < 5) pieces.push(pick(draw, LETTERS));
    else if (kind < 7) pieces.push(pick(draw, ESCAPES));
    else if (kind < 8) pieces.push(escaped(draw, draw(pick(draw, [0x80, 0x800, 0xd800]))));
    else pieces.push(escaped(draw, 0xd800 + draw(0x400)) + escaped(draw, 0xdc00 + draw(0x400)));
  }
  return `"${pieces.sort(() => draw(3) - 1).join('')}"`;
}

const NAMES = ['a', 'b', '', '0', '1', 'constructor', '__proto__', 'tex', 'text2', 'meta.text', 'a..id', 'id', 'meta'];

function named(draw: Draw, name: string): string {
  if (draw(12) !== 0) return JSON.stringify(name);
  // By code unit, so that a character beyond the first plane may become half an escape: a lone surrogate, or a pair.
  const units = [...name].flatMap((character) => (draw(2) === 0 ? [character] : character.split('')));
  const unitOf = (unit: string): string =>
    unit.length > 1 || draw(2) === 0 ? unit : escaped(draw, unit.charCodeAt(0));
  return `"${units.map(unitOf).join('')}"`;
}

const space = (draw: Draw): string => pick(draw, SPACES);

export function value(draw: Draw, depth: number): string {
  const kind = draw(depth > 5 ? 6 : 8);
  if (kind < 2) return jsonString(draw);
  if (kind < 4) return pick(draw, draw(4) === 0 ? LONG_NUMBERS : NUMBERS);
  if (kind < 6) return pick(draw, ['true', 'false', 'null', '{}', '[]', `[${space(draw)}]`]);
  if (kind < 7) return `[${Array.from({ length: draw(5) }, () => spaced(draw, value(draw, depth + 1))).join(',')}]`;
  return object(
    draw,
    Array.from({ length: draw(5) }, () => [pick(draw, NAMES), value(draw, depth + 1)]),
  );
}

const spaced = (draw: Draw, source: string): string => space(draw) + source + space(draw);

function object(draw: Draw, members: readonly (readonly [string, string])[]): string {
  const all = members.map(([name, source]) => `${spaced(draw, named(draw, name))}:${spaced(draw, source)}`);
  return `{${all.join(',')}${members.length === 0 ? space(draw) : ''}}`;
}

/** A line that is JSON, mostly a record with the wanted members, now and then twice, with others around. */
export function recordLine(draw: Draw, { text, id }: RecordFields): string {
  if (draw(100) === 0) return spaced(draw, value(draw, 0));
  const members: [string, string][] = [];
  for (let count = draw(4); count > 0; count--) members.push([pick(draw, NAMES), value(draw, 1)]);
  const wanted = (path: string, source: string): void => {
    const names = draw(8) === 0 ? [path] : path.split('.');
    const inner = names.slice(1).reduceRight((rest, name) => {
      const others: [string, string][] = draw(2) === 0 ? [] : [[pick(draw, NAMES), value(draw, 3)]];
      return object(draw, draw(2) === 0 ? [...others, [name, rest]] : [[name, rest], ...others]);
    }, source);
    members.splice(draw(members.length + 1), 0, [names[0]!, inner]);
  };
  for (let times = draw(10) === 0 ? 2 : draw(40) === 0 ? 0 : 1; times > 0; times--)
    wanted(text, draw(40) === 0 ? value(draw, 2) : jsonString(draw));
  if (id !== null && draw(3) > 0) wanted(id, draw(3) === 0 ? value(draw, 2) : pick(draw, ['"id-7"', '7', '-0.5e3']));
  return spaced(draw, object(draw, members));
}

const MARKS = [...Buffer.from('"\\{}[]:,0-+.eu \t\n\r\u0000\u001f\u007f\u0080\u00ff', 'latin1')];

/** The line with something wrong, as disks and programs do it; `other` is where strange pieces come from. */
export function mutant(draw: Draw, line: Uint8Array, other: Uint8Array): Uint8Array {
  const bytes = [...line];
  const at = draw(bytes.length + 1);
  const piece = (): number[] => {
    const from = draw(other.length);
    return [...other.subarray(from, from + 1 + draw(12))];
  };
  const kind = draw(7);
  if (kind === 0) bytes[Math.min(at, bytes.length - 1)]! ^= 1 << draw(8);
  else if (kind === 1) bytes[Math.min(at, bytes.length - 1)] = draw(2) === 0 ? draw(256) : pick(draw, MARKS);
  else if (kind === 2) bytes.length = at;
  else if (kind === 3) bytes.splice(at, 1 + draw(4));
  else if (kind === 4) bytes.splice(at, 0, pick(draw, MARKS));
  else if (kind === 5) bytes.splice(at, draw(12), ...piece());
  else bytes.splice(0, bytes.length, ...bytes.slice(0, at), ...other.subarray(draw(other.length)));
  return Uint8Array.from(bytes);
}

/** As a line lies in a chunk: with bytes before, and bytes behind that would go on with it. */
export function inChunk(draw: Draw, line: Uint8Array): Uint8Array {
  const before = draw(9);
  const behind = Buffer.from(pick(draw, ['', '\n', '"}', '7}', ' ', '}}}}}}}}}}', 'alse}', '0041"}', '\udc00']));
  const chunk = new Uint8Array(before + line.length + behind.length);
  chunk.set(line, before);
  chunk.set(behind, before + line.length);
  return chunk.subarray(before, before + line.length);
}

/** How often what was seen, so that a test can show it was not about nothing. */
export interface Seen {
  /** Lines that JSON.parse makes a document of, and how many of them the scanner took. */
  documents: number;
  scanned: number;
  refused: Map<string, number>;
}

export const nothing = (): Seen => ({ documents: 0, scanned: 0, refused: new Map() });

/** What differs between the scanner and JSON.parse on a line; undefined when nothing does. */
export function difference(
  scanner: RecordScanner,
  line: Uint8Array,
  fields: RecordFields,
  seen: Seen,
): string | undefined {
  const truth = recordOf(line, takeText(fields));
  const found = scanner.scan(line);
  if ('reason' in truth) seen.refused.set(truth.reason, (seen.refused.get(truth.reason) ?? 0) + 1);
  else seen.documents += 1;
  if (found === null) return undefined;
  seen.scanned += 1;
  const shown = `${JSON.stringify(fields)} in ${JSON.stringify(Buffer.from(line).toString('latin1').slice(0, 300))}`;
  if ('reason' in truth) return `taken, and it is ${truth.reason}: ${shown}`;
  if (Buffer.compare(found.text, truth.text) !== 0) return `another text: ${shown}`;
  if (found.id !== truth.id) return `id ${found.id}, not ${truth.id}: ${shown}`;
  if (!ownsMemory(found.text)) return `a text in memory that is not its own: ${shown}`;
  return undefined;
}

/** Whether a text keeps nothing alive but itself, or 64 KiB of texts like it: not the chunk of the file it was read from. */
export const ownsMemory = ({ length, buffer }: Uint8Array): boolean =>
  buffer.byteLength === (length > SHORT_BYTES ? length : SLAB_BYTES);
