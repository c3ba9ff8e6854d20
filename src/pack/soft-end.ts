import { ENDS, endsAt, type TokenEnds } from '../core/token-ends.ts';
import type { SoftEnd } from './cut.ts';

/**
 * Where to cut a document: of the places allowed, after the last paragraph; with none, after the last line; then the last
 * sentence; then before the last token that begins a character. A cut looks at 5 % of a window at most.
 */
export const softEnd =
  (ids: Int32Array, tokenEnds: TokenEnds): SoftEnd =>
  (least, end) => {
    let best = end;
    let kind: number = ENDS.nothing;
    for (let at = end; at > least && kind < ENDS.paragraph; at--) {
      const found = endsAt(ids, at, tokenEnds);
      if (found > kind) [best, kind] = [at, found];
    }
    return best;
  };
