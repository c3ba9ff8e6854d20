import { jsonParser } from 'stream-json/core/parser.js';
import { groupKey } from './group.ts';
import { Member, NEVER } from './member.ts';
import type { Refusal } from './part-read.ts';
import { emptyText, halfPair, idOf, missing, notAnObject, notText } from './record.ts';

/** What is asked of a record. */
export interface StreamedFields {
  readonly text: string;
  readonly id: string | null;
  readonly group: string | null;
}

/** Where the text goes. */
export interface TextSink {
  /** A text begins; what was taken before it was none. */
  begin(): void;
  /** Whole characters of it, or half a pair that is alone. */
  add(characters: string): void;
}

/** What a record gives besides its text. */
export interface Streamed {
  readonly id: string | null;
  readonly group: bigint;
}

/** What is nested deeper is not followed: 8 bytes a level, and RFC 8259 lets a reader say so. */
const MAX_DEPTH = 4 * 1024 * 1024;
/** Characters of a name that are looked at, where no name that is asked for is longer. */
const NAME_CHARACTERS = 1024;
/** Characters of names that are kept to tell which ones were there. */
const TOLD_CHARACTERS = 1024 * 1024;

const encoder = new TextEncoder();

/**
 * Takes text, id and group out of a record of JSON that comes in pieces, by the rules that `fieldsOf` goes by (record.ts): the
 * last of members of one name, `memberAt`'s rule for names with dots. stream-json checks the grammar. Of what is held only the id
 * and the group are as long as the record makes them.
 */
export class RecordStream {
  readonly #parse = jsonParser({ packValues: false });
  readonly #fields: StreamedFields;
  readonly #sink: TextSink;
  readonly #text: Wanted;
  readonly #id: Wanted | null;
  readonly #group: Wanted | null;
  readonly #wanted: readonly Wanted[];
  readonly #nameCharacters: number;
  /** The name that is being read; null in a value. */
  #name: string | null = null;
  /** Names of the record's own members, in the order `Object.keys` has. */
  readonly #names = Object.create(null) as Record<string, true>;
  #told = 0;
  #depth = 0;
  #values = 0;
  /** What the record is, and whether it has ended. */
  #kind = '';
  #ended = false;
  #broken = false;
  /** Characters of the text so far. */
  #length = 0;
  #sound = true;

  constructor(fields: StreamedFields, sink: TextSink) {
    const { text, id, group } = fields;
    this.#fields = fields;
    this.#sink = sink;
    this.#text = new Wanted(text);
    this.#id = id === null ? null : new Wanted(id);
    this.#group = group === null ? null : new Wanted(group);
    this.#wanted = [this.#text, this.#id, this.#group].filter((wanted) => wanted !== null);
    this.#nameCharacters = Math.max(NAME_CHARACTERS, ...[text, id, group].map((name) => (name?.length ?? 0) + 1));
  }

  /** The next characters of the record: few, since each may be a token. */
  add(source: string): void {
    if (this.#broken) return;
    try {
      const tokens = this.#parse(source);
      if (typeof tokens !== 'symbol') for (const token of tokens.values) this.#take(token);
    } catch {
      this.#broken = true;
    }
  }

  /** At the end: what the record gives, or why it is no document; null where it is not JSON. */
  end(): Streamed | Refusal | null {
    // A number and a word end with what follows them.
    this.add(' ');
    if (this.#broken || !this.#ended) return null;
    if (this.#kind !== 'an object') return notAnObject(this.#kind);
    const { text: field } = this.#fields;
    const { member, kind } = this.#text;
    if (member.at === NEVER) return missing(field, Object.keys(this.#names));
    if (kind !== 'a string') return notText(field, kind);
    if (this.#length === 0) return emptyText(field);
    if (!this.#sound) return halfPair(field);
    return { id: idOf(this.#id?.scalar()), group: this.#group === null ? 0n : groupKey(this.#group.scalar()) };
  }

  #take(token: Tokens[number]): void {
    switch (token.name) {
      case 'startKey':
        this.#name = '';
        break;
      case 'endKey':
        this.#named();
        break;
      case 'startString':
        this.#begins('a string');
        break;
      case 'startNumber':
        this.#begins('a number');
        break;
      case 'stringChunk':
      case 'numberChunk':
        this.#piece(token.value);
        break;
      case 'trueValue':
      case 'falseValue':
        this.#begins('a boolean');
        this.#ends();
        break;
      case 'nullValue':
        this.#begins('null');
        this.#ends();
        break;
      case 'startArray':
        this.#begins('an array');
        this.#enter(false);
        break;
      case 'startObject':
        this.#begins('an object');
        this.#enter(true);
        break;
      case 'endArray':
      case 'endObject':
        this.#depth -= 1;
        for (const { member } of this.#wanted) member.leave(this.#depth);
        this.#ends();
        break;
      case 'endString':
      case 'endNumber':
        this.#ends();
        break;
    }
  }

  #named(): void {
    const name = this.#name ?? '';
    this.#name = null;
    if (this.#depth === 1 && this.#told < TOLD_CHARACTERS) {
      this.#told += name.length + 1;
      this.#names[name] = true;
    }
    // A name with half of a pair is none that is asked for, and would not be itself as bytes.
    if (name.length >= this.#nameCharacters || !name.isWellFormed()) return;
    const bytes = encoder.encode(name);
    for (const { member } of this.#wanted) member.named(bytes, 0, bytes.length, this.#depth, this.#values);
  }

  /** A value begins: values have numbers, which is what `Member` knows them by. */
  #begins(kind: string): void {
    const number = this.#values++;
    if (this.#depth === 0) this.#kind = kind;
    for (const wanted of this.#wanted) {
      if (!wanted.begins(number, kind) || wanted !== this.#text) continue;
      this.#length = 0;
      this.#sound = true;
      this.#sink.begin();
    }
  }

  #piece(value: string): void {
    if (this.#name !== null) {
      if (this.#name.length < this.#nameCharacters) this.#name = (this.#name + value).slice(0, this.#nameCharacters);
      return;
    }
    this.#id?.add(value);
    this.#group?.add(value);
    if (!this.#text.open || this.#text.kind !== 'a string') return;
    this.#length += value.length;
    this.#sound &&= value.isWellFormed();
    this.#sink.add(value);
  }

  #enter(isObject: boolean): void {
    if (++this.#depth > MAX_DEPTH) throw new RangeError('nested too deep');
    if (isObject) for (const { member } of this.#wanted) member.enter(this.#values - 1, this.#depth);
  }

  #ends(): void {
    for (const wanted of this.#wanted) wanted.open = false;
    if (this.#depth === 0) this.#ended = true;
  }
}

type Tokens = Exclude<ReturnType<ReturnType<typeof jsonParser>>, symbol>['values'];

/** A value that is asked for, as far as it has come. */
class Wanted {
  readonly member: Member;
  /** What the last value was that may be it. */
  kind = '';
  /** It is being read. */
  open = false;
  #source = '';

  constructor(name: string) {
    this.member = new Member(name);
  }

  /** A value begins; true where it is this one, as far as is known. */
  begins(number: number, kind: string): boolean {
    this.open = this.member.at === number;
    if (!this.open) return false;
    this.kind = kind;
    this.#source = '';
    return true;
  }

  add(value: string): void {
    if (this.open) this.#source += value;
  }

  /** The string or the number that it is; undefined where it is none. */
  scalar(): unknown {
    if (this.member.at === NEVER) return undefined;
    if (this.kind === 'a string') return this.#source;
    return this.kind === 'a number' ? JSON.parse(this.#source) : undefined;
  }
}
