import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ENDS, endsAt } from '../../src/core/token-ends.ts';
import { softEnd } from '../../src/pack/soft-end.ts';

test('the best place of those allowed, by what is before and after each in the whole document', () => {
  // A token's id is what its text says of it: any of the bits there are.
  const bits = (id: number) => id;
  let better = 0;
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 30, maxLength: 200 }),
      fc.nat(),
      fc.integer({ min: 1, max: 40 }),
      (tokens, place, span) => {
        const ids = Int32Array.from(tokens);
        const end = 1 + (place % ids.length);
        const least = Math.max(0, end - span);
        const places = Array.from({ length: end - least }, (_, i) => end - i);
        const kinds = places.map((at) => endsAt(ids, at, bits));
        const best = Math.max(...kinds);
        const expected = best > ENDS.nothing ? places[kinds.indexOf(best as (typeof kinds)[number])] : end;
        if (expected !== end) better++;
        expect(softEnd(ids, bits)(least, end)).toBe(expected);
      },
    ),
    { numRuns: 2000, seed: 9 },
  );
  expect(better).toBeGreaterThan(200);
});
