import { expect, test } from 'vitest';
import { Slab } from '../../src/core/slab.ts';

test('copies are what was copied, whatever is copied after them', () => {
  const slab = new Slab((length) => new Int32Array(length));
  const from = Int32Array.from({ length: 5000 }, (_, i) => i * 7);
  const copies: [number, number, Int32Array][] = [];
  for (let i = 0; i < 3000; i++) {
    const start = (i * 37) % 4000;
    const end = start + ((i * i) % 1000);
    copies.push([start, end, slab.copy(from, start, end)]);
  }
  const before = from.slice();
  from.fill(-1);
  for (const [start, end, copy] of copies) expect(copy).toEqual(before.slice(start, end));
});

test('short ones share memory, long ones do not', () => {
  const slab = new Slab((length) => new Uint8Array(length));
  const from = new Uint8Array(100_000);
  const [a, b] = [slab.copy(from, 0, 10), slab.copy(from, 0, 10)];
  expect(a.buffer).toBe(b.buffer);
  expect(slab.copy(from, 0, 100_000).buffer.byteLength).toBe(100_000);
});
