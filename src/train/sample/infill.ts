import { usageError } from '../../core/errors.ts';
import type { Tokenizer } from '../../tokenize/index.ts';

/** `<mask>` and `<mask:12>`: a gap of one and of twelve tokens. */
const GAP = /<mask(?::(\d{1,7}))?>/g;
const MAX_GAP = 2 ** 20;

/** A document with gaps: its ids (those in the gaps mean nothing) and the positions in the gaps. */
export interface Gapped {
  readonly ids: Int32Array;
  readonly open: Int32Array;
}

/** The text around gaps, tokenized piece by piece: a gap ends a token. USAGE where there is no gap. */
export function gapped(text: string, tokenizer: Pick<Tokenizer, 'encode'>): Gapped {
  const encoder = new TextEncoder();
  const ids: number[] = [];
  const open: number[] = [];
  let from = 0;
  const write = (part: string): void => {
    for (const id of tokenizer.encode(encoder.encode(part))) ids.push(id);
  };
  for (const gap of text.matchAll(GAP)) {
    write(text.slice(from, gap.index));
    const tokens = Number(gap[1] ?? 1);
    if (tokens < 1 || tokens > MAX_GAP) throw usageError(`--infill: ${gap[0]} is no gap of 1 to ${MAX_GAP} tokens`);
    for (let i = 0; i < tokens; i++) open.push(ids.push(0) - 1);
    from = gap.index + gap[0].length;
  }
  if (open.length === 0)
    throw usageError('--infill: the text has no gap; write <mask:12> where twelve tokens are missing');
  write(text.slice(from));
  return { ids: Int32Array.from(ids), open: Int32Array.from(open) };
}
