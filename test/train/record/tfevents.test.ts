import { describe, expect, it } from 'vitest';

import { scalarsOf } from '../../../src/train/record/tensorboard.ts';
import { maskedCrc, scalarsRecord, versionRecord } from '../../../src/train/record/tfevents.ts';

describe('maskedCrc', () => {
  it.each([
    // CRC-32C's check value, and RFC 3720's of 32 zeros, each turned right by 15 bits, plus 0xa282ead8.
    [new TextEncoder().encode('123456789'), 0xe3069283],
    [new Uint8Array(32), 0x8a9136aa],
  ])('is the CRC of Castagnoli, masked (%#)', (content, crc) => {
    expect(maskedCrc(content)).toBe((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  });
});

describe('a record', () => {
  it('is a length, its CRC, a message and its CRC', () => {
    const bytes = versionRecord(1.5);
    const view = new DataView(bytes.buffer);
    // 9 bytes of time, 15 of version.
    expect(Number(view.getBigUint64(0, true))).toBe(24);
    expect(bytes.length).toBe(8 + 4 + 24 + 4);
    expect(new TextDecoder().decode(bytes.subarray(12 + 9 + 2, 12 + 24))).toBe('brain.Event:2');
  });
  it('holds steps beyond 32 bits', () => {
    const bytes = scalarsRecord(0, 2 ** 40 + 1, []);
    expect([...bytes.subarray(12 + 9, -4 - 2)]).toEqual([0x10, 0x81, 0x80, 0x80, 0x80, 0x80, 0x20]);
  });
});

describe('scalarsOf', () => {
  it('leaves out what there is no figure of', () => {
    const bins = { from: [0, 0.5], tokens: [0, 3], loss: [null, 2], weighted: [null, 4] };
    const found = scalarsOf({
      kind: 'breakdown',
      step: 3,
      of: 'held-out',
      byP: bins,
      byPosition: { ...bins, from: [0, 16] },
      time: 0,
    });
    expect(found).toEqual([
      { tag: 'held-out_by_p/0.5', value: 2 },
      { tag: 'held-out_by_p_weighted/0.5', value: 4 },
      { tag: 'held-out_by_position/0000016', value: 2 },
      { tag: 'held-out_by_position_weighted/0000016', value: 4 },
    ]);
  });
});
