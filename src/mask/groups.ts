import { boundariesInvalid } from '../core/errors.ts';
import type { Segment } from '../core/window.ts';
import { POLICIES, type Policy } from './policy.ts';

/**
 * Offsets of the attention groups of a window, [groups + 1], from 0 to the window length; padding is the last group, so that
 * no row is without a key. BOUNDARIES_INVALID for segments that no window can have: an empty one, one that does not begin
 * where the one before ended, more documents than tokens, an end that is not that of the tokens.
 */
export function groupOffsets(
  segments: readonly Segment[],
  numTokens: number,
  windowLength: number,
  policy: Policy,
): Int32Array {
  check(segments, numTokens, windowLength);
  const { reach } = POLICIES[policy];
  const offsets = [0];
  for (const [i, { start, group }] of reach === 'window' ? [] : segments.entries())
    if (i > 0 && (reach === 'segment' || group !== segments[i - 1]!.group)) offsets.push(start);
  if (numTokens > 0 && numTokens < windowLength) offsets.push(numTokens);
  offsets.push(windowLength);
  return Int32Array.from(offsets);
}

function check(segments: readonly Segment[], numTokens: number, windowLength: number): void {
  if (!Number.isInteger(numTokens) || numTokens < 0 || numTokens > windowLength)
    throw boundariesInvalid(`${numTokens} tokens in a window of ${windowLength}`);
  if (segments.length > numTokens)
    throw boundariesInvalid(`${segments.length} segments in ${numTokens} tokens: more documents than tokens`);
  let end = 0;
  for (const [i, { start, length, group }] of segments.entries()) {
    if (length <= 0) throw boundariesInvalid(`segment ${i} is empty (${length} tokens)`);
    if (start !== end) throw boundariesInvalid(`segment ${i} begins at ${start}, not at ${end}`);
    if (i > 0 && group < segments[i - 1]!.group) throw boundariesInvalid(`segment ${i} goes back to group ${group}`);
    end = start + length;
  }
  if (end !== numTokens) throw boundariesInvalid(`its segments end at ${end}, its tokens at ${numTokens}`);
}
