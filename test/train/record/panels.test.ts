import { describe, expect, it } from 'vitest';

import { breakdownOf, emptyTally, tallyUp } from '../../../src/train/record/breakdown.ts';
import { type BreakdownPoint, panelsSvg } from '../../../src/train/record/panels.ts';

function point(step: number, of: BreakdownPoint['of'], nats: number): BreakdownPoint {
  const tally = emptyTally(64);
  const slab = {
    positions: Int32Array.of(0, 20),
    masked: Int32Array.of(0, 1),
    weights: Float32Array.of(1, 1),
    p: Float32Array.of(0.05, 0.55),
  };
  tallyUp(tally, { slab, crossEntropies: Float32Array.of(nats, nats + 1) });
  return { step, of, ...breakdownOf(tally) };
}

describe('panelsSvg', () => {
  const points = [1, 2, 3].flatMap((n) => [point(10 * n, 'training', 9 - n), point(10 * n, 'held-out', 8 - n)]);
  it('has a panel a bin, two lines where there is something, and the last held-out figure', () => {
    const svg = panelsSvg('a <b>', points);
    for (const title of ['p 0.0 to 0.1', 'p 0.9 to 1.0', '0 to 15', '16 to 31', '32 and on'])
      expect(svg).toContain(title);
    expect(svg.match(/<polyline/g)).toHaveLength(8);
    expect(svg.match(/>5\.00</g)).toHaveLength(2);
    expect(svg.match(/>6\.00</g)).toHaveLength(2);
    expect(svg).toContain('a &#60;b&#62;');
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });
  it('stands with nothing to show, and with one point', () => {
    expect(panelsSvg('x', [])).not.toMatch(/NaN|undefined|Infinity/);
    expect(panelsSvg('x', points.slice(0, 1))).not.toMatch(/NaN|undefined|Infinity|polyline/);
  });
  it('is of bounded size however long the run', () => {
    const many = Array.from({ length: 3000 }, (_, i) => point(i + 1, 'training', 5 + (i % 3)));
    expect(panelsSvg('x', many).length).toBeLessThan(40_000);
  });
});
