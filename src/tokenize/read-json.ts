import { messageOf } from '../core/errors.ts';
import { MAX_VOCABULARY, TextVocabulary } from './vocabulary.ts';

/** Real files are 6 to 9 levels deep. */
const MAX_DEPTH = 64;

export type Json = Record<string, unknown>;
export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An error of the file, by JSON pointer and problem. */
export type Invalid = (pointer: string, problem: string) => Error;

export function checkId(id: unknown, pointer: () => string, invalid: Invalid): number {
  if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= MAX_VOCABULARY)
    throw invalid(pointer(), `id ${JSON.stringify(id)} is not an integer in [0, ${MAX_VOCABULARY})`);
  return id;
}

export const givenToBoth = (id: number, one: string, other: string): string =>
  `id ${id} is given to both ${JSON.stringify(one)} and ${JSON.stringify(other)}`;

export function parseJson(bytes: Uint8Array, invalid: Invalid): unknown {
  const deep = tooDeepAt(bytes);
  if (deep >= 0) throw invalid('', `is nested more than ${MAX_DEPTH} deep at byte ${deep}`);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw invalid('', `is not JSON (${messageOf(error)})`);
  }
}

/** Where the nesting becomes too deep, or -1. Counted on bytes before parsing: JSON.parse on 10 M brackets overflows the stack. */
export function tooDeepAt(bytes: Uint8Array): number {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (inString) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > MAX_DEPTH) return i;
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return -1;
}

/** The vocabulary and the merges of any file, from what JSON.parse gave. */
export function readJson(
  model: Json,
  type: string,
  invalid: Invalid,
): { vocabulary: TextVocabulary; merges: Int32Array } {
  const vocabulary = new TextVocabulary();
  for (const [token, given, pointer] of entriesOf(model, invalid)) {
    const id = checkId(given, pointer, invalid);
    const other = vocabulary.tokenOf(id);
    if (other !== undefined && vocabulary.idOf(token) !== id) throw invalid(pointer(), givenToBoth(id, other, token));
    vocabulary.add(token, id);
  }
  return { vocabulary, merges: type === 'BPE' ? mergesOf(model, vocabulary.ids, invalid) : new Int32Array(0) };
}

function* entriesOf(model: Json, invalid: Invalid): Generator<[string, unknown, () => string]> {
  const vocab = model.vocab;
  if (Array.isArray(vocab)) {
    // Unigram: [[token, score], ...], the id is the place.
    for (const [i, entry] of vocab.entries()) {
      const pointer = () => `/model/vocab/${i}`;
      if (!Array.isArray(entry) || typeof entry[0] !== 'string' || typeof entry[1] !== 'number')
        throw invalid(pointer(), 'is not [token, score]');
      yield [entry[0], i, pointer];
    }
  } else if (isObject(vocab)) {
    for (const token of Object.keys(vocab)) yield [token, vocab[token], () => `/model/vocab/${escapePointer(token)}`];
  } else throw invalid('/model/vocab', 'is missing');
}

/** Merges are "left right" or, in files since 2024, [left, right]. */
function mergesOf(model: Json, ids: ReadonlyMap<string, number>, invalid: Invalid): Int32Array {
  const list = model.merges;
  if (!Array.isArray(list)) throw invalid('/model/merges', 'is missing');
  const merges = new Int32Array(list.length * 3);
  list.forEach((merge: unknown, i) => {
    const [left, right] = sidesOf(merge);
    const a = ids.get(left);
    const b = ids.get(right);
    const whole = ids.get(left + right);
    if (left === '' || a === undefined || b === undefined || whole === undefined)
      throw invalid(`/model/merges/${i}`, `${JSON.stringify(merge)} does not join two tokens into a third`);
    merges[i * 3] = a;
    merges[i * 3 + 1] = b;
    merges[i * 3 + 2] = whole;
  });
  return merges;
}

/** Two empty texts, which no vocabulary has, where a merge is not two texts. */
function sidesOf(merge: unknown): [string, string] {
  if (typeof merge === 'string') {
    const space = merge.indexOf(' ');
    if (space > 0 && !merge.includes(' ', space + 1)) return [merge.slice(0, space), merge.slice(space + 1)];
  } else if (Array.isArray(merge) && merge.length === 2 && typeof merge[0] === 'string' && typeof merge[1] === 'string')
    return [merge[0], merge[1]];
  return ['', ''];
}

const escapePointer = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');
