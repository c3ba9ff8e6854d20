import { constants } from 'node:buffer';
import { Slab } from '../core/slab.ts';
import { isUtf8 } from '../io/bytes.ts';
import { JsonStrings } from './json-strings.ts';
import { Member, NEVER } from './member.ts';
import { idOf, type RecordFields } from './record.ts';

/** What a record gives. */
export interface Found {
  readonly text: Uint8Array;
  readonly id: string | null;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const COLON = 0x3a;
const BRACE = 0x7b;
const BRACKET = 0x5b;
/** What closes is two above what opens. */
const CLOSES = 2;
/** Deeper ones are left to JSON.parse, which has no limit. */
const MAX_DEPTH = 64 * 1024;
const NONE = new Uint8Array(0);
const LITERALS = new Map(['true', 'false', 'null'].map((word) => [word.charCodeAt(0), Buffer.from(word)]));

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;

/**
 * Takes text and id out of a record of JSON Lines without making a string of its text: a whole line is checked against RFC
 * 8259, and the wanted string's escapes are taken out on the way. It knows records that are documents, and gives null for
 * all others, and for the few it does not judge (half a surrogate pair, deeper than 65,536): JSON.parse then says what they
 * are. What it takes is what JSON.parse would give, to the byte: the last of members of one name, `memberAt`'s rule for
 * names with dots, escapes in names. A name is compared as bytes, so `__proto__` is a name like any other.
 */
export class RecordScanner {
  private readonly strings: JsonStrings;
  private readonly textMember: Member;
  private readonly idMember: Member | null;
  /** A name with half of a surrogate pair has no bytes to compare. */
  private readonly able: boolean;
  private readonly openers = new Uint8Array(MAX_DEPTH);
  private bytes: Uint8Array = NONE;
  /** The text last unescaped and the offset of its quote. */
  private text: Uint8Array | null = null;
  private textAt = NEVER;

  /** `texts` is where the copies lie. */
  constructor({ text, id }: RecordFields, texts = new Slab((length) => new Uint8Array(length))) {
    this.strings = new JsonStrings(texts);
    this.textMember = new Member(text);
    this.idMember = id === null ? null : new Member(id);
    this.able = text.isWellFormed() && (id ?? '').isWellFormed();
  }

  /** Text, as a copy, and id of the record in `line`; null when it is not known here what the line is. */
  scan(line: Uint8Array): Found | null {
    // Longer ones may be no JavaScript string, which is a refusal of its own.
    if (!this.able || line.length > constants.MAX_STRING_LENGTH) return null;
    // One class for all: code that sees Buffers as well is slower for both.
    this.bytes = line.constructor === Uint8Array ? line : new Uint8Array(line.buffer, line.byteOffset, line.length);
    this.strings.take(this.bytes);
    const found = this.isRecord() ? this.found() : null;
    this.bytes = NONE;
    this.text = null;
    this.strings.release();
    return found;
  }

  private found(): Found | null {
    const { text, textAt, bytes, strings } = this;
    if (text === null || text.length === 0 || this.textMember.at !== textAt) return null;
    if (strings.high && !isUtf8(bytes)) return null;
    return { text, id: this.idMember === null ? null : this.id(this.idMember.at) };
  }

  /** The value at `at`, which is JSON, as an id. */
  private id(at: number): string | null {
    if (at === NEVER) return null;
    const { bytes } = this;
    const first = bytes[at]!;
    if (first !== QUOTE && first !== MINUS && !isDigit(first)) return null;
    const end = first === QUOTE ? this.strings.end(at + 1) : this.number(at);
    const source = Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at);
    if (first === QUOTE && !this.strings.escaped) return source.toString('utf8', 1, source.length - 1);
    return idOf(JSON.parse(source.toString()));
  }

  /** Goes through the line; false when it is not one object, or has a text that is left to others. */
  private isRecord(): boolean {
    const { bytes, openers, textMember, idMember } = this;
    textMember.reset();
    idMember?.reset();
    this.textAt = NEVER;
    let depth = 0;
    let at = this.space(0);
    if (at >= bytes.length || bytes[at] !== BRACE) return false;
    // A turn takes one value and what stands between it and the next one.
    for (;;) {
      if (at >= bytes.length) return false;
      const byte = bytes[at]!;
      if (byte === BRACE || byte === BRACKET) {
        if (depth === MAX_DEPTH) return false;
        openers[depth++] = byte;
        if (byte === BRACE) {
          textMember.enter(at, depth);
          idMember?.enter(at, depth);
        }
        at = this.space(at + 1);
        if (at >= bytes.length) return false;
        if (bytes[at] !== byte + CLOSES) {
          if (byte === BRACE && (at = this.key(at, depth)) < 0) return false;
          continue;
        }
      } else {
        at = byte === QUOTE ? this.string(at) : byte >= 0x61 ? this.literal(at) : this.number(at);
        if (at < 0) return false;
        at = this.space(at);
      }
      for (;;) {
        if (at >= bytes.length) return false;
        const opener = openers[depth - 1]!;
        if (bytes[at] === COMMA) {
          at = this.space(at + 1);
          if (opener === BRACE && (at = this.key(at, depth)) < 0) return false;
          break;
        }
        if (bytes[at] !== opener + CLOSES) return false;
        at = this.space(at + 1);
        if (--depth === 0) return at === bytes.length;
        textMember.leave(depth);
        idMember?.leave(depth);
      }
    }
  }

  /** Passes a member's name, colon and white space, and notes whose value comes; -1 when they are not there. */
  private key(at: number, depth: number): number {
    const { bytes, strings, textMember, idMember } = this;
    if (at >= bytes.length || bytes[at] !== QUOTE) return -1;
    let from = at + 1;
    const end = strings.end(from);
    if (end < 0) return -1;
    const colon = this.space(end);
    if (colon >= bytes.length || bytes[colon] !== COLON) return -1;
    const value = this.space(colon + 1);
    let names = bytes;
    let to = end - 1;
    if (strings.escaped) {
      const name = strings.text(from);
      if (name === null) return -1;
      names = name;
      from = 0;
      to = name.length;
    }
    textMember.named(names, from, to, depth, value);
    idMember?.named(names, from, to, depth, value);
    return value;
  }

  private string(at: number): number {
    const { strings } = this;
    if (!this.textMember.wants(at)) return strings.end(at + 1);
    this.text = strings.text(at + 1);
    if (this.text === null) return -1;
    this.textAt = at;
    return strings.after;
  }

  private literal(at: number): number {
    const { bytes } = this;
    const word = LITERALS.get(bytes[at]!);
    if (word === undefined || at + word.length > bytes.length) return -1;
    for (let index = 1; index < word.length; index++) if (bytes[at + index] !== word[index]) return -1;
    return at + word.length;
  }

  private number(at: number): number {
    const { bytes } = this;
    if (bytes[at] === MINUS) at += 1;
    if (bytes[at] === 0x30) at += 1;
    else if ((at = this.digits(at)) < 0) return -1;
    if (bytes[at] === 0x2e && (at = this.digits(at + 1)) < 0) return -1;
    const letter = bytes[at];
    if (letter !== 0x65 && letter !== 0x45) return at;
    const sign = bytes[at + 1];
    return this.digits(sign === MINUS || sign === 0x2b ? at + 2 : at + 1);
  }

  /** Passes one digit or more. */
  private digits(at: number): number {
    const { bytes } = this;
    if (!isDigit(bytes[at])) return -1;
    do at += 1;
    while (isDigit(bytes[at]));
    return at;
  }

  private space(at: number): number {
    const { bytes } = this;
    for (; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
    }
    return at;
  }
}
