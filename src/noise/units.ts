import type { NoiseForm } from '../core/noise.ts';
import type { Segment } from '../core/window.ts';

/** What of a segment decides its units; a window's are contiguous from 0. */
export type Bounds = Pick<Segment, 'start' | 'length' | 'group' | 'promptTokens'>;

/** The units of a window: tokens that share a t, in order, without gaps. */
export interface Units {
  readonly lengths: Int32Array;
  /** Tokens of each that can be masked: those that are no prompt. */
  readonly maskable: Int32Array;
}

/**
 * Units of the first `length` tokens of a window.
 *
 * - window: one.
 * - document: one a segment. A part of a document that was cut is a unit of its own: only what shares a window is denoised together.
 * - group: one an attention group, so that what sees each other shares a t. Under `adaptive` a group is a document.
 * - block: `blockTokens` each, counted from the start of each segment, the last one of a segment shorter (BD3-LM).
 *
 * A separator belongs to the segment before it. Padding is in no unit. What a recorded length cuts off is in none either.
 */
export function unitsOf(form: NoiseForm, segments: readonly Bounds[], length: number): Units {
  const lengths: number[] = [];
  const maskable: number[] = [];
  let last: Bounds | undefined;
  for (const segment of segments) {
    const end = Math.min(segment.start + segment.length, length);
    const prompt = segment.start + segment.promptTokens;
    const size = form.per === 'block' ? form.blockTokens : segment.length;
    const goesOn = last && (form.per === 'window' || (form.per === 'group' && last.group === segment.group));
    last = segment;
    for (let start = segment.start; start < end; start += size) {
      const tokens = Math.min(size, end - start);
      const free = Math.max(0, start + tokens - Math.max(start, prompt));
      if (goesOn) {
        lengths[lengths.length - 1]! += tokens;
        maskable[maskable.length - 1]! += free;
      } else {
        lengths.push(tokens);
        maskable.push(free);
      }
    }
  }
  return { lengths: Int32Array.from(lengths), maskable: Int32Array.from(maskable) };
}
