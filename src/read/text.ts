import { basename } from 'node:path';
import type { Document } from '../core/document.ts';
import { fingerprintMismatch, inputMalformed } from '../core/errors.ts';
import { isUtf8 } from '../io/bytes.ts';
import { hasher } from '../io/hash.ts';
import { bomLength } from '../io/lines.ts';
import { contentOf, decompressed } from './disk.ts';
import type { PartRead } from './part-read.ts';
import { notUtf8, tooLarge } from './record.ts';
import { Utf8Check } from './utf8.ts';

/** A text of more bytes is not held: it is read here for its hash, and again by whoever wants it. */
const LONG_BYTES = 64 * 1024 * 1024;

/** Plain text: the file is the document, its name the id. A byte-order mark at its start is not part of it. */
export async function* readText(read: PartRead): AsyncGenerator<Document[]> {
  const { documentBytes: cap, longBytes = LONG_BYTES, form } = read.options;
  const { name } = read.file;
  if (form) throw inputMalformed(name, 'the file', `a plain text has no fields, and format: ${form.format} wants some`);
  const id = basename(name);
  let held: Uint8Array[] = [];
  let long: { readonly utf8: Utf8Check; readonly hash: ReturnType<typeof hasher> } | undefined;
  let [all, length] = [0, 0];
  const counted = (bytes: number) => (all += bytes);
  // To the end even when it is too large: the hash and a damaged gzip must be known either way.
  for await (const chunk of withoutMark(contentOf(read), counted)) {
    length += chunk.length;
    held.push(chunk);
    if (length <= Math.min(cap, longBytes)) continue;
    long ??= { utf8: new Utf8Check(), hash: hasher() };
    for (const piece of held) {
      long.utf8.add(piece);
      long.hash.update(piece);
    }
    held = [];
  }
  const start = all - length;
  if (length > cap) read.reject(start, tooLarge(length, cap));
  else if (length === 0) read.reject(start, { reason: 'empty-text', detail: 'the file is empty' });
  else if (long) {
    const sha256 = long.hash.digest();
    const text = { bytes: length, chunks: () => again(read, sha256) };
    const hash = Buffer.from(sha256, 'hex');
    if (!long.utf8.sound) read.reject(start, notUtf8({ length }));
    else yield [read.acceptLong(start, all, { id, long: text, hash })];
  } else {
    const text = new Uint8Array(length);
    let at = 0;
    for (const piece of held) {
      text.set(piece, at);
      at += piece.length;
    }
    if (!isUtf8(text)) read.reject(start, notUtf8({ length }));
    else yield [read.accept(start, all, { id, text })];
  }
}

/** The text from its start once more: another than the first time is FINGERPRINT_MISMATCH. */
async function* again({ file, part }: PartRead, sha256: string): AsyncGenerator<Uint8Array> {
  const hash = hasher();
  for await (const chunk of withoutMark(
    decompressed(file, part, () => {}),
    () => {},
  )) {
    hash.update(chunk);
    yield chunk;
  }
  const found = hash.digest();
  if (found !== sha256) throw fingerprintMismatch(file.name, 'content', found, sha256);
}

/** What comes after a byte-order mark, which may be cut in two; `count` hears of the mark too. */
async function* withoutMark(
  chunks: AsyncIterable<Uint8Array>,
  count: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let start: Uint8Array | null = new Uint8Array(0);
  for await (const chunk of chunks) {
    count(chunk.length);
    if (start === null) {
      yield chunk;
      continue;
    }
    start = start.length > 0 ? Buffer.concat([start, chunk]) : chunk;
    if (start.length < 3) continue;
    yield start.subarray(bomLength(start));
    start = null;
  }
  if (start !== null && start.length > 0) yield start;
}
