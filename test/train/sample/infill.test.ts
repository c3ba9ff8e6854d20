import { describe, expect, it } from 'vitest';

import { gapped } from '../../../src/train/sample/infill.ts';

/** A token a byte. */
const bytes = { encode: (text: Uint8Array) => Int32Array.from(text) };

describe('gapped', () => {
  it('has the tokens around the gaps, and as many positions as the gaps say', () => {
    const { ids, open } = gapped('ab<mask:3>c<mask>', bytes);
    expect([...open]).toEqual([2, 3, 4, 6]);
    expect([ids[0], ids[1], ids[5]]).toEqual([...'abc'].map((c) => c.codePointAt(0)));
    expect(ids).toHaveLength(7);
  });
  it('takes gaps at both ends and next to each other', () => {
    expect([...gapped('<mask:2><mask>x<mask>', bytes).open]).toEqual([0, 1, 2, 4]);
  });
  it.each(['no gap', '<mask:0>', '<mask:9999999>', '<mask:-1>', '<mask: 3>'])('refuses %j', (text) => {
    expect(() => gapped(text, bytes)).toThrow(expect.objectContaining({ code: 'USAGE' }) as Error);
  });
});
