import type { Ids } from '../core/document.ts';
import { ENDS, endsAt, LOOK_BACK, type TokenEnds } from '../core/token-ends.ts';
import type { SoftEnd } from './cut.ts';

/**
 * Where to cut a document: of the places allowed, after the last paragraph; with none, after the last line; then the last
 * sentence; then before the last token that begins a character. A cut looks at 5 % of a window at most.
 */
export const softEnd =
  (ids: Ids, tokenEnds: TokenEnds): SoftEnd =>
  (least, end) => {
    // What is looked at: the token after a place, and those before it as far back as it goes.
    const from = Math.max(0, least - LOOK_BACK);
    const some = ids.subarray(from, Math.min(ids.length, end + 1));
    let best = end;
    let kind: number = ENDS.nothing;
    for (let at = end; at > least && kind < ENDS.paragraph; at--) {
      const found = endsAt(some, at - from, tokenEnds);
      if (found > kind) [best, kind] = [at, found];
    }
    return best;
  };
