import { expect, test } from 'vitest';
import { Slab } from '../../src/core/slab.ts';

const bytes = ({ buffer, byteOffset, byteLength }: Int32Array) => new Uint8Array(buffer, byteOffset, byteLength);

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

test('used again, all that is copied between two calls is intact and lies where it lay before', () => {
  const slab = new Slab((length) => new Int32Array(length));
  const from = Int32Array.from({ length: 600_000 }, (_, i) => i);
  // Several slabs, some that are larger than the others, one with memory of its own.
  const lengths = [5, 200_000, 100_000, 300_000, 7, 600_000, 400_000, 262_144, 1];
  const early = slab.copy(from, 0, 5);
  const rounds = Array.from({ length: 4 }, () => {
    slab.reuse();
    const copies = lengths.map((length) => slab.copy(from, 0, length));
    for (const copy of copies) expect(Buffer.compare(bytes(copy), bytes(from.subarray(0, copy.length)))).toBe(0);
    return copies.filter(({ length }) => length !== 600_000).map(({ buffer, byteOffset }) => ({ buffer, byteOffset }));
  });
  expect(rounds[0]![0]!.buffer).toBe(early.buffer);
  for (const round of rounds.slice(2))
    for (const [i, { buffer, byteOffset }] of round.entries()) {
      expect(buffer).toBe(rounds[1]![i]!.buffer);
      expect(byteOffset).toBe(rounds[1]![i]!.byteOffset);
    }
});
