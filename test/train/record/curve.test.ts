import { describe, expect, it } from 'vitest';

import { curveSvg } from '../../../src/train/record/curve.ts';
import { smoothed, thinned } from '../../../src/train/record/curve-points.ts';
import { ticks } from '../../../src/train/record/svg.ts';

describe('ticks', () => {
  it('are round numbers in the range', () => {
    expect(ticks(0, 100, 5)).toEqual([0, 20, 40, 60, 80, 100]);
    expect(ticks(5.93, 8.41, 6)).toEqual([6, 6.5, 7, 7.5, 8]);
  });
});

describe('smoothed', () => {
  it('is exact for a constant and follows a change', () => {
    const points = Array.from({ length: 200 }, (_, step) => ({ step, loss: step < 100 ? 3 : 1 }));
    const smooth = smoothed(points);
    expect(smooth[0]!.loss).toBe(3);
    expect(smooth[99]!.loss).toBeCloseTo(3, 9);
    expect(smooth[199]!.loss).toBeCloseTo(1, 3);
  });
});

describe('curveSvg', () => {
  const data = {
    title: 'a <b> & "c"',
    subtitle: '',
    train: [
      { step: 1, loss: 8 },
      { step: 2, loss: 6 },
    ],
    heldOut: [{ step: 2, loss: 6.5 }],
    unigram: 7,
  };
  it('shows both curves, the unigram and its figure, and escapes what it is given', () => {
    const svg = curveSvg(data);
    expect(svg.match(/<polyline/g)).toHaveLength(2);
    expect(svg).toContain('training unigram on held-out: 7.000');
    expect(svg).toContain('a &#60;b&#62; &#38; &#34;c&#34;');
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });
  it('stands with nothing to show', () => {
    expect(curveSvg({ ...data, train: [], heldOut: [], unigram: null })).not.toMatch(/NaN|undefined|Infinity/);
  });
  it('draws a long run, in a picture of bounded size that keeps its peaks', () => {
    const train = Array.from({ length: 300_000 }, (_, i) => ({ step: i + 1, loss: i === 150_001 ? 9 : 5 + (i % 7) }));
    expect(curveSvg({ ...data, train, heldOut: train }).length).toBeLessThan(250_000);
    const svg = curveSvg({ ...data, train });
    expect(svg.length).toBeLessThan(60_000);
    expect(thinned(train).length).toBeLessThanOrEqual(1000);
    expect(thinned(train.map((p) => ({ ...p, loss: p.step === 1234 ? 99 : 5 }))).some(({ loss }) => loss === 99)).toBe(
      true,
    );
  });
});
