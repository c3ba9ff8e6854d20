import type { Refusal, Taken } from './part-read.ts';

/** What a record gives, or why it is no document; `source` is the JSON it was, empty where it was none. */
export type TakeRecord = (value: unknown, source: string) => Taken | Refusal;

/** What is asked of a record. */
export interface RecordFields {
  readonly text: string;
  readonly id: string | null;
}

const encoder = new TextEncoder();
/** Fatal: bad bytes are an error and never U+FFFD. `ignoreBOM` keeps a BOM inside the file, where it is a syntax error. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Field names told in a message. */
const NAMES_SHOWN = 8;
const SHOWN_CHARACTERS = 40;

/** The text of a record's bytes; undefined when they are not UTF-8. */
export function decoded(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** JSON's white space. */
export const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
export const isBlank = (bytes: Uint8Array): boolean => bytes.every(isSpace);

/** Half of a surrogate pair alone: possible in a JavaScript string (a `\ud800` in JSON), impossible in UTF-8. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Text and id of a record that was JSON, or why it cannot be a document. `source` is its JSON: only with a `\u` in it
 * can a string hold a lone surrogate, which saves looking through the others.
 */
export function fieldsOf(
  value: unknown,
  fields: RecordFields,
  source: string,
): { text: Uint8Array; id: string | null } | Refusal {
  if (!isObject(value)) return notAnObject(kindOf(value));
  const text = memberAt(value, fields.text);
  if (text === undefined) return missing(fields.text, Object.keys(value));
  if (typeof text !== 'string') return notText(fields.text, kindOf(text));
  if (text === '') return emptyText(fields.text);
  const escaped = source.includes('\\u');
  if (escaped && LONE_SURROGATE.test(text)) return halfPair(fields.text);
  const id = fields.id === null ? undefined : memberAt(value, fields.id);
  return { text: encoder.encode(text), id: idOf(id) };
}

/** Takes records that are a text. */
export const takeText =
  (fields: RecordFields): TakeRecord =>
  (value, source) =>
    fieldsOf(value, fields, source);

export const notAnObject = (kind: string): Refusal => ({
  reason: 'not-an-object',
  detail: `the record is ${kind}, not an object`,
});

/** The text in a field, which may be empty, or why there is none. */
export function textAt(value: Readonly<Record<string, unknown>>, field: string): string | Refusal {
  const text = memberAt(value, field);
  if (text === undefined) return missing(field, Object.keys(value));
  if (typeof text !== 'string') return notText(field, kindOf(text));
  return text.isWellFormed() ? text : halfPair(field);
}

export const notText = (field: string, kind: string): Refusal => ({
  reason: 'field-not-text',
  detail: `\`${field}\` is ${kind}, not a string`,
});

export const halfPair = (field: string): Refusal => ({
  reason: 'invalid-utf8',
  detail: `\`${field}\` has half of a surrogate pair (\\ud800 to \\udfff)`,
});

export const emptyText = (field: string): Refusal => ({ reason: 'empty-text', detail: `\`${field}\` is empty` });

export const tooLarge = (bytes: number, limit: number): Refusal => ({
  reason: 'too-large',
  detail: `${bytes} bytes, more than limits.document_bytes = ${limit}`,
});

/** Without V8's own message, which is another one in every version of Node: rejects files are compared, too. */
export const notJson = (text: string, characters = text.length): Refusal => ({
  reason: 'json-syntax',
  detail: `not JSON: ${characters} characters that begin ${shown(text)}`,
});

export const notUtf8 = ({ length }: { readonly length: number }): Refusal => ({
  reason: 'invalid-utf8',
  detail: `bytes that are not UTF-8, in ${length}`,
});

export function missing(field: string, names: readonly string[]): Refusal {
  const some = names.slice(0, NAMES_SHOWN).map(shown).join(', ');
  const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : '';
  return {
    reason: 'field-missing',
    detail: `no field ${shown(field)}; there ${some ? `are ${some}${more}` : 'is none'}`,
  };
}

/** As a JSON string of a few characters: one line, whatever is in it. */
export const shown = (text: string): string =>
  JSON.stringify(text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text);

/** A string or a number; a number keeps the digits a double has. Anything else is no id, which harms nobody. */
export function idOf(value: unknown): string | null {
  if (typeof value === 'string')
    return LONE_SURROGATE.test(value) ? value.replaceAll(/\p{Surrogate}/gu, '\ufffd') : value;
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : null;
}

/** `meta.text`: the member of that very name, else the member `text` of the member `meta`. Own members only. */
export function memberAt(value: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(value, path)) return value[path];
  let at: unknown = value;
  for (const name of path.split('.')) {
    if (!isObject(at) || !Object.hasOwn(at, name)) return undefined;
    at = at[name];
  }
  return at;
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const kindOf = (value: unknown): string =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? 'an array'
      : typeof value === 'object'
        ? 'an object'
        : `a ${typeof value}`;
