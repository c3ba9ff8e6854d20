/** Documents as their sources have them, for `prep verify --deep`: whole, or as a hash of each part that a tail must hold. */
import { createHash } from 'node:crypto';
import type { Ids } from '../core/document.ts';
import type { Segment } from '../core/window.ts';
import type { Partial } from './conservation.ts';

/** Tokens [from, from + length) of a document, by themselves or by 16 bytes of their SHA-256 in hex. */
interface Known {
  readonly from: number;
  readonly length: number;
  readonly ids: Ids | string;
}

export interface Remade {
  /** Tokens at the start of the document that are the prompt. */
  readonly promptTokens: number;
  /** Parts it was cut into, of which the last ends in so many tokens (0 or 1) that are not the document's. */
  readonly parts: number;
  readonly separator: number;
  readonly known: readonly Known[];
}

/** Its ids will not be asked for again. */
export function released({ known }: Remade): void {
  for (const { ids } of known) if (typeof ids !== 'string') ids.release?.();
}

/** By split, by document. */
export type Texts = Map<number, Map<number, Remade>>;

export const remade = (ids: Ids, promptTokens: number, parts: number, separator: number): Remade => ({
  promptTokens,
  parts,
  separator,
  known: [{ from: 0, length: ids.length, ids }],
});

const hashed = (ids: Int32Array): string =>
  createHash('sha256')
    .update(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength))
    .digest('hex')
    .slice(0, 32);

/** What of the documents of a split is to be kept for those that the tails hold parts of: most often 16 bytes a part. */
export function forTails(left: Partial['left'], texts: Texts): Texts {
  const kept: Texts = new Map();
  for (const { split, rows, cut } of left) {
    const documents = new Map<number, Remade>();
    for (const [i, document] of (rows.numbers ?? []).entries()) {
      const whole = texts.get(split)?.get(document);
      const ids = whole?.known[0]?.ids;
      if (!whole || !ids || typeof ids === 'string') continue;
      // What packing drops of a document is its end: where its last part ends is known where that was seen.
      const lost = rows.dropped[i] !== 0;
      const known = boundsOf(whole, ids.length, cut.get(document) ?? []).map(([from, to, parts, open]): Known => {
        const some = ids.subarray(from, to);
        // Where several parts in a row are missing, nobody knows yet where one ends.
        return { from, length: to - from, ids: parts > 1 || (open && lost) ? some.slice() : hashed(some) };
      });
      documents.set(document, { ...whole, known });
    }
    if (documents.size > 0) kept.set(split, documents);
  }
  return kept;
}

/**
 * [from, to, parts, open]: the parts of a document of `tokens` tokens by the places of those that were seen, [part, offset,
 * length ...]; `open` where nothing says that a part ends there but that the document does.
 */
function boundsOf(
  { parts, separator }: Remade,
  tokens: number,
  places: readonly number[],
): [number, number, number, boolean][] {
  const seen = new Map<number, readonly [number, number]>();
  for (let at = 0; at < places.length; at += 3) {
    const [part, offset, length] = [places[at]!, places[at + 1]!, places[at + 2]!];
    seen.set(part, [offset, Math.min(tokens, offset + length - (part === parts - 1 ? separator : 0))]);
  }
  const bounds: [number, number, number, boolean][] = [];
  let end = 0;
  for (let part = 0; part < parts;) {
    let next = part + 1;
    const found = seen.get(part);
    if (!found) while (next < parts && !seen.has(next)) next++;
    const to = found?.[1] ?? seen.get(next)?.[0];
    // Places that contradict one another are told of by themselves.
    if ((to ?? tokens) > end) bounds.push([end, to ?? tokens, next - part, to === undefined]);
    end = Math.max(end, to ?? tokens);
    part = next;
  }
  return bounds;
}

/** Where a segment is another than its source; null where it is the same, or nothing is known of it. */
export function* segmentProblems(segment: Segment, inputIds: Int32Array, texts: Texts): Generator<string> {
  const { split, document, start, length, documentOffset } = segment;
  const of = texts.get(split)?.get(document);
  if (!of) return;
  const source = `its source (document ${document} of split ${split})`;
  const known = of.known.find(({ from, length: n }) => from <= documentOffset && documentOffset < from + n);
  const tokens = known ? length - (segment.part === of.parts - 1 ? of.separator : 0) : 0;
  const prompt = Math.max(0, Math.min(of.promptTokens - documentOffset, tokens));
  if (segment.promptTokens !== prompt)
    yield `the segment at token ${start} has ${segment.promptTokens} prompt tokens, ${source} has ${prompt}`;
  if (!known) return;
  const found = inputIds.subarray(start, start + tokens);
  if (typeof known.ids === 'string') {
    if (hashed(found) !== known.ids)
      yield `token ${start} or one of the ${tokens - 1} after it is not that of ${source}`;
    return;
  }
  const at = documentOffset - known.from;
  const expected = known.ids.subarray(at, at + tokens);
  for (let i = 0; i < tokens; i++) {
    if (found[i] === expected[i]) continue;
    yield `token ${start + i} is ${found[i]}, ${source} has ${expected[i]}`;
    return;
  }
}
