import { MAX_TOKENIZER_BYTES } from '../core/limits.ts';
import { messageOf, tokenizerInvalid } from '../core/errors.ts';

/** A token found in the text before anything else is done with it. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly singleWord: boolean;
  readonly normalized: boolean;
}

/** What the engines need of a `tokenizer.json`, checked. */
export interface TokenizerFile {
  readonly json: Record<string, unknown>;
  readonly modelType: string;
  /** Token text to id, added tokens included. */
  readonly ids: ReadonlyMap<string, number>;
  /** Tokens of the model alone, in the file's order. */
  readonly vocabulary: readonly (readonly [string, number])[];
  readonly added: readonly AddedToken[];
  /** BPE: left, right and merged id of each merge, in order of rank. */
  readonly merges: Int32Array;
  readonly size: number;
}

const MODEL_TYPES = ['BPE', 'Unigram', 'WordPiece', 'WordLevel'];
const MAX_VOCABULARY = 2 ** 21;
/** Real files are 6 to 9 levels deep. */
const MAX_DEPTH = 64;

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Parses and checks a `tokenizer.json`; `name` is the path for messages. Throws TOKENIZER_INVALID with a JSON pointer. */
export function parseTokenizerFile(bytes: Uint8Array, name: string): TokenizerFile {
  const invalid = (pointer: string, problem: string) => tokenizerInvalid(name, pointer, problem);
  if (bytes.length > MAX_TOKENIZER_BYTES)
    throw invalid('', `is ${bytes.length} bytes, more than ${MAX_TOKENIZER_BYTES}`);
  checkDepth(bytes, invalid);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw invalid('', `is not JSON (${messageOf(error)})`);
  }
  if (!isObject(json)) throw invalid('', 'is not a JSON object');
  const model = json.model;
  if (!isObject(model)) throw invalid('/model', 'is missing');
  // Files written before 2020 leave the type out: those are BPE.
  const modelType = model.type ?? (model.merges ? 'BPE' : undefined);
  if (typeof modelType !== 'string' || !MODEL_TYPES.includes(modelType))
    throw invalid('/model/type', `is ${JSON.stringify(modelType)}, not one of ${MODEL_TYPES.join(', ')}`);

  const ids = new Map<string, number>();
  const taken = new Uint8Array(MAX_VOCABULARY);
  let size = 0;
  const add = (token: string, id: unknown, pointer: () => string): number => {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= MAX_VOCABULARY)
      throw invalid(pointer(), `id ${JSON.stringify(id)} is not an integer in [0, ${MAX_VOCABULARY})`);
    if (taken[id] === 1 && ids.get(token) !== id) {
      const other = [...ids].find(([, known]) => known === id)?.[0] ?? '';
      throw invalid(pointer(), `id ${id} is given to both ${JSON.stringify(other)} and ${JSON.stringify(token)}`);
    }
    taken[id] = 1;
    ids.set(token, id);
    if (id >= size) size = id + 1;
    return id;
  };
  const vocabulary: [string, number][] = [];
  for (const [token, id, pointer] of entriesOf(model, invalid)) vocabulary.push([token, add(token, id, pointer)]);
  const merges = modelType === 'BPE' ? mergesOf(model, ids, invalid) : new Int32Array(0);
  const list = json.added_tokens ?? [];
  if (!Array.isArray(list)) throw invalid('/added_tokens', 'is not an array');
  const added = list.map((entry: unknown, i): AddedToken => {
    const pointer = `/added_tokens/${i}`;
    if (!isObject(entry) || typeof entry.content !== 'string' || entry.content === '')
      throw invalid(`${pointer}/content`, 'is not a text');
    const { content } = entry;
    const flag = (name: string) => entry[name] === true;
    return {
      id: add(content, entry.id, () => pointer),
      content,
      special: flag('special'),
      lstrip: flag('lstrip'),
      rstrip: flag('rstrip'),
      singleWord: flag('single_word'),
      normalized: flag('normalized'),
    };
  });
  if (size === 0) throw invalid('/model/vocab', 'is empty');
  return { json, modelType, ids, vocabulary, added, merges, size };
}

type Invalid = (pointer: string, problem: string) => Error;

/** Nesting is counted on bytes before parsing: JSON.parse on 10 M brackets overflows the stack. */
function checkDepth(bytes: Uint8Array, invalid: Invalid): void {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (inString) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > MAX_DEPTH) throw invalid('', `is nested more than ${MAX_DEPTH} deep at byte ${i}`);
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
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
