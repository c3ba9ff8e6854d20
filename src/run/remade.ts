/** Documents as their sources have them, for `prep verify --deep`: whole, or as a hash of each part that a tail must hold. */
import { createHash } from 'node:crypto';
import type { Segment } from '../core/window.ts';
import type { Partial } from './conservation.ts';

/** Tokens [from, from + length) of a document, by themselves or by 16 bytes of their SHA-256 in hex. */
interface Known {
  readonly from: number;
  readonly length: number;
  readonly ids: Int32Array | string;
}

export interface Remade {
  /** Tokens at the start of the document that are the prompt. */
  readonly promptTokens: number;
  readonly known: readonly Known[];
}

/** By split, by document. */
export type Texts = Map<number, Map<number, Remade>>;

export const remade = (ids: Int32Array, promptTokens: number): Remade => ({
  promptTokens,
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
      const known = boundsOf(rows.parts[i]!, ids.length, cut.get(document) ?? []).map(([from, to, parts]): Known => {
        const some = ids.subarray(from, to);
        // Where several parts in a row are missing, nobody knows yet where one ends.
        return { from, length: to - from, ids: parts === 1 ? hashed(some) : some.slice() };
      });
      documents.set(document, { promptTokens: whole.promptTokens, known });
    }
    if (documents.size > 0) kept.set(split, documents);
  }
  return kept;
}

/** [from, to, parts]: the parts of a document of `tokens` tokens by the places of those that were seen; [part, offset, length ...]. */
function boundsOf(parts: number, tokens: number, places: readonly number[]): [number, number, number][] {
  const seen = new Map<number, readonly [number, number]>();
  for (let at = 0; at < places.length; at += 3)
    seen.set(places[at]!, [places[at + 1]!, Math.min(tokens, places[at + 1]! + places[at + 2]!)]);
  const bounds: [number, number, number][] = [];
  let end = 0;
  for (let part = 0; part < parts;) {
    let next = part + 1;
    const found = seen.get(part);
    if (!found) while (next < parts && !seen.has(next)) next++;
    const to = found ? found[1] : (seen.get(next)?.[0] ?? tokens);
    // Places that contradict one another are told of by themselves.
    if (to > end) bounds.push([end, to, next - part]);
    end = Math.max(end, to);
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
  // What follows the last token of a document is its separator.
  const tokens = known ? Math.min(length, known.from + known.length - documentOffset) : 0;
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
  for (let i = 0; i < tokens; i++) {
    if (found[i] === known.ids[at + i]) continue;
    yield `token ${start + i} is ${found[i]}, ${source} has ${known.ids[at + i]}`;
    return;
  }
}
