import { basename } from 'node:path';
import type { Document } from '../core/document.ts';
import { inputMalformed } from '../core/errors.ts';
import { isUtf8 } from '../io/bytes.ts';
import { Gathered } from '../io/lines.ts';
import { contentOf } from './disk.ts';
import type { PartRead } from './part-read.ts';
import { notUtf8, tooLarge } from './record.ts';

/** Plain text: the file is the document, its name the id. A byte-order mark at its start is not part of it. */
export async function* readText(read: PartRead): AsyncGenerator<Document[]> {
  const { documentBytes: cap, form } = read.options;
  if (form)
    throw inputMalformed(
      read.file.name,
      'the file',
      `a plain text has no fields, and format: ${form.format} wants some`,
    );
  const all = new Gathered(cap);
  // To the end even when it is too large: the hash and a damaged gzip must be known either way.
  for await (const chunk of contentOf(read)) all.add(chunk);
  const { start, end, bytes } = all.take();
  if (bytes === null) read.reject(start, tooLarge(end - start, cap));
  else if (bytes.length === 0) read.reject(start, { reason: 'empty-text', detail: 'the file is empty' });
  else if (!isUtf8(bytes)) read.reject(start, notUtf8(bytes));
  else yield [read.accept(start, end, { id: basename(read.file.name), text: bytes.slice() })];
}
