import { MAX_TOKENIZER_BYTES } from '../core/limits.ts';
import { messageOf, tokenizerInvalid } from '../core/errors.ts';

/** What the engines need of a `tokenizer.json`, checked. */
export interface TokenizerFile {
  readonly json: Record<string, unknown>;
  readonly modelType: string;
  /** Token text to id, added tokens included. */
  readonly ids: ReadonlyMap<string, number>;
  /** Added tokens with `special: true`, by id. */
  readonly special: ReadonlyMap<number, string>;
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
  const taken = new Map<number, string>();
  const add = (token: string, id: unknown, pointer: string) => {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= MAX_VOCABULARY)
      throw invalid(pointer, `id ${JSON.stringify(id)} is not an integer in [0, ${MAX_VOCABULARY})`);
    const other = taken.get(id);
    if (other !== undefined && other !== token)
      throw invalid(pointer, `id ${id} is given to both ${JSON.stringify(other)} and ${JSON.stringify(token)}`);
    taken.set(id, token);
    ids.set(token, id);
  };
  for (const [token, id, pointer] of vocabulary(model, invalid)) add(token, id, pointer);
  const special = new Map<number, string>();
  const added = json.added_tokens ?? [];
  if (!Array.isArray(added)) throw invalid('/added_tokens', 'is not an array');
  added.forEach((entry: unknown, i) => {
    const pointer = `/added_tokens/${i}`;
    if (!isObject(entry) || typeof entry.content !== 'string' || entry.content === '')
      throw invalid(`${pointer}/content`, 'is not a text');
    add(entry.content, entry.id, pointer);
    if (entry.special === true) special.set(entry.id as number, entry.content);
  });
  if (modelType === 'BPE') checkMerges(model, ids, invalid);
  if (taken.size === 0) throw invalid('/model/vocab', 'is empty');
  let size = 0;
  for (const id of taken.keys()) size = Math.max(size, id + 1);
  return { json, modelType, ids, special, size };
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

function* vocabulary(model: Json, invalid: Invalid): Generator<[string, unknown, string]> {
  const vocab = model.vocab;
  if (Array.isArray(vocab)) {
    // Unigram: [[token, score], ...], the id is the place.
    for (const [i, entry] of vocab.entries()) {
      if (!Array.isArray(entry) || typeof entry[0] !== 'string' || typeof entry[1] !== 'number')
        throw invalid(`/model/vocab/${i}`, 'is not [token, score]');
      yield [entry[0], i, `/model/vocab/${i}`];
    }
  } else if (isObject(vocab)) {
    for (const [token, id] of Object.entries(vocab)) yield [token, id, `/model/vocab/${escapePointer(token)}`];
  } else throw invalid('/model/vocab', 'is missing');
}

function checkMerges(model: Json, ids: ReadonlyMap<string, number>, invalid: Invalid): void {
  const merges = model.merges;
  if (!Array.isArray(merges)) throw invalid('/model/merges', 'is missing');
  merges.forEach((merge: unknown, i) => {
    const pair: unknown = typeof merge === 'string' ? merge.split(' ') : merge;
    const whole = Array.isArray(pair) && pair.length === 2 ? `${pair[0]}${pair[1]}` : undefined;
    if (
      whole === undefined ||
      !ids.has(whole) ||
      !ids.has(String((pair as unknown[])[0])) ||
      !ids.has(String((pair as unknown[])[1]))
    )
      throw invalid(`/model/merges/${i}`, `${JSON.stringify(merge)} does not join two tokens into a third`);
  });
}

const escapePointer = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');
