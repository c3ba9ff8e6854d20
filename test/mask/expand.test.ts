import { expect, test } from 'vitest';
import { blockMask, documentIds, flexBlocks, maskMetadata, positionIds, varlen } from '../../src/mask/index.ts';
import { segmentsOf } from '../support/segments.ts';

const segments = segmentsOf([3, 2, 1], [0, 0, 1]);
const of = (policy: Parameters<typeof blockMask>[3]) => blockMask(segments, 6, 8, policy);

test('position ids restart in each group, or go on through the window: as the policy says', () => {
  expect([...positionIds(of('adaptive'))]).toEqual([0, 1, 2, 0, 1, 0, 0, 1]);
  expect([...positionIds(of('hybrid'))]).toEqual([0, 1, 2, 3, 4, 0, 0, 1]);
  expect([...positionIds(of('eod'))]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test('document ids are those of the segments, whatever the policy; padding has none', () => {
  expect([...documentIds(segments, 8)]).toEqual([0, 0, 0, 1, 1, 2, -1, -1]);
});

test('varlen attention: groups, their longest, causal or not; block diffusion has no such form', () => {
  expect(varlen(of('hybrid'))).toEqual({ cuSeqlens: Int32Array.of(0, 5, 6, 8), maxSeqlen: 5, causal: false });
  expect(varlen(of('document-causal'))?.causal).toBe(true);
  expect(varlen(blockMask(segmentsOf([128]), 128, 128, 'block-diffusion'))).toBeNull();
});

test('FlexAttention’s lists, spelled out: a document of two blocks and a half, and one of half a block', () => {
  const { blocks, kv, fullKv, q, fullQ } = flexBlocks(blockMask(segmentsOf([320, 64]), 384, 384, 'adaptive'));
  expect(blocks).toBe(3);
  expect([...kv.num]).toEqual([1, 1, 3]);
  expect([...kv.indices]).toEqual([2, 0, 0, 2, 0, 0, 0, 1, 2]);
  expect([...fullKv.num]).toEqual([2, 2, 0]);
  expect([...fullKv.indices]).toEqual([0, 1, 0, 0, 1, 0, 0, 0, 0]);
  expect([...q.num]).toEqual([1, 1, 3]);
  expect([...fullQ.num]).toEqual([2, 2, 0]);
  // Seen one way only: the transposed lists are others.
  const causal = flexBlocks(blockMask(segmentsOf([384]), 384, 384, 'document-causal'));
  expect([...causal.fullKv.num]).toEqual([0, 1, 2]);
  expect([...causal.fullQ.num]).toEqual([2, 1, 0]);
});

test('what a table says of its policy', () => {
  expect(maskMetadata('hybrid', '7', 32)).toEqual({
    attention: 'bidirectional',
    reach: 'group',
    positions: 'restart',
    padding: 'group',
    separator: '7',
  });
  expect(maskMetadata('block-diffusion', '', 16)).toMatchObject({ separator: '', diffusion_block: '16' });
});
