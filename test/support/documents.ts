import { createHash } from 'node:crypto';
import type { Document } from '../../src/core/document.ts';

/** A document as reading gives it. */
export function documentOf(text: string, record = 0, { input = 0, id = null as string | null } = {}): Document {
  const bytes = new TextEncoder().encode(text);
  const hash = createHash('sha256').update(bytes).digest();
  return { origin: { input, record, start: 0, end: 1 }, id, text: bytes, group: 0n, hash };
}
