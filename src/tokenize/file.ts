import { MAX_TOKENIZER_BYTES } from '../core/limits.ts';
import { tokenizerInvalid } from '../core/errors.ts';
import { type BytesRead, readBytes } from './read-bytes.ts';
import { checkId, givenToBoth, type Invalid, isObject, parseJson, readJson } from './read-json.ts';
import { TextVocabulary, type Vocabulary } from './vocabulary.ts';

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
  /** Without the model's vocabulary and merges where they were read apart from it. */
  readonly json: Record<string, unknown>;
  /** The JSON with everything, and all tokens: made on demand. */
  whole(): { json: Record<string, unknown>; ids: ReadonlyMap<string, number> };
  readonly modelType: string;
  /** The id of a token, added ones included. */
  idOf(token: string): number | undefined;
  /** Tokens of the model alone. */
  readonly vocabulary: Vocabulary;
  readonly added: readonly AddedToken[];
  /** BPE: left, right and merged id of each merge, in order of rank. */
  readonly merges: Int32Array;
  readonly size: number;
}

/** Ids without a token that any file may have, however small. */
const MOST_HOLES = 1024;
const MODEL_TYPES = ['BPE', 'Unigram', 'WordPiece', 'WordLevel'];

/** Parses and checks a `tokenizer.json`; `name` is the path for messages. Throws TOKENIZER_INVALID with a JSON pointer. */
export function parseTokenizerFile(bytes: Uint8Array, name: string): TokenizerFile {
  const invalid: Invalid = (pointer, problem) => tokenizerInvalid(name, pointer, problem);
  if (bytes.length > MAX_TOKENIZER_BYTES)
    throw invalid('', `is ${bytes.length} bytes, more than ${MAX_TOKENIZER_BYTES}`);
  const read = readBytes(bytes);
  return check(read?.json ?? parseJson(bytes, invalid), read, bytes, invalid);
}

function check(json: unknown, read: BytesRead | undefined, bytes: Uint8Array, invalid: Invalid): TokenizerFile {
  if (!isObject(json)) throw invalid('', 'is not a JSON object');
  const model = json.model;
  if (!isObject(model)) throw invalid('/model', 'is missing');
  // Files written before 2020 leave the type out: those are BPE.
  const modelType = model.type ?? (model.merges ? 'BPE' : undefined);
  if (typeof modelType !== 'string' || !MODEL_TYPES.includes(modelType))
    throw invalid('/model/type', `is ${JSON.stringify(modelType)}, not one of ${MODEL_TYPES.join(', ')}`);

  const { vocabulary, merges } = read ?? readJson(model, modelType, invalid);
  const ids = new Map<string, number>();
  const idOf = (token: string) => ids.get(token) ?? vocabulary.idOf(token);
  const owners = new Map<number, string>();
  let { size } = vocabulary;
  const add = (token: string, given: unknown, pointer: () => string): number => {
    const id = checkId(given, pointer, invalid);
    const other = vocabulary.tokenOf(id) ?? owners.get(id);
    if (other !== undefined && idOf(token) !== id) throw invalid(pointer(), givenToBoth(id, other, token));
    ids.set(token, id);
    owners.set(id, token);
    size = Math.max(size, id + 1);
    return id;
  };
  const list = json.added_tokens ?? [];
  if (!Array.isArray(list)) throw invalid('/added_tokens', 'is not an array');
  // The reference (0.23.2) does not read these ids: a token of the vocabulary keeps its own, any other gets the next after
  // the vocabulary's count, holes or not. Where that is another than the file's, our ids and its would differ silently.
  let next = vocabulary.length;
  const added = list.map((entry: unknown, i): AddedToken => {
    const pointer = `/added_tokens/${i}`;
    if (!isObject(entry) || typeof entry.content !== 'string' || entry.content === '')
      throw invalid(`${pointer}/content`, 'is not a text');
    const { content } = entry;
    const flag = (name: string) => entry[name] === true;
    const theirs = idOf(content) ?? next++;
    const id = add(content, entry.id, () => pointer);
    if (id !== theirs)
      throw invalid(
        `${pointer}/id`,
        `is ${id}, but Hugging Face's tokenizers would give ${JSON.stringify(content)} id ${theirs}`,
      );
    return {
      id,
      content,
      special: flag('special'),
      lstrip: flag('lstrip'),
      rstrip: flag('rstrip'),
      singleWord: flag('single_word'),
      normalized: flag('normalized'),
    };
  });
  if (size === 0) throw invalid('/model/vocab', 'is empty');
  // Some real files have holes (GPT-4o 18 ids of 200,019); a model with more rows for holes than for tokens is a mistake.
  if (size > 2 * (vocabulary.length + added.length) + MOST_HOLES)
    throw invalid('/model/vocab', `has ids up to ${size - 1} for ${vocabulary.length + added.length} tokens`);
  const whole = () =>
    vocabulary instanceof TextVocabulary
      ? { json, ids: new Map([...vocabulary.ids, ...ids]) }
      : check(parseJson(bytes, invalid), undefined, bytes, invalid).whole();
  return { json, whole, modelType, idOf, vocabulary, added, merges, size };
}
