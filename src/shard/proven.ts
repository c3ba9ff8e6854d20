import { corpusCorrupt } from '../core/errors.ts';
import { byteChunks } from '../io/bytes.ts';
import { hasher, sha256 } from '../io/hash.ts';
import type { FileEntry } from './manifest.ts';
import { readListed } from './shard-columns.ts';

/**
 * A file that a receipt lists, as it was written. What goes into the corpus for good is compared with its hash: of a file of the
 * right size with another content nothing would tell afterwards. CORPUS_CORRUPT names it. It lies in `into` where that
 * is large enough.
 */
export async function readProven(
  dir: string,
  entry: FileEntry,
  into?: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readListed(dir, entry, into);
  compare(dir, entry, sha256(bytes));
  return bytes;
}

/** The same in chunks of at most 1 MiB: whoever asks for all of them hears in the end whether they were the right ones. */
export async function* provenChunks(dir: string, entry: FileEntry): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const hash = hasher();
  for await (const chunk of byteChunks(`${dir}/${entry.path}`)) {
    hash.update(chunk);
    yield chunk;
  }
  compare(dir, entry, hash.digest());
}

function compare(dir: string, { path, sha256: expected }: FileEntry, found: string): void {
  if (found !== expected)
    throw corpusCorrupt(`${dir}/${path}`, 'content', `its sha256 is ${found}, ${expected} is listed`);
}
