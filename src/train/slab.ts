import type { Masker } from '../noise/index.ts';
import type { NoiseRow, WindowRecord } from '../shard/index.ts';
import { DIFFUSION_BLOCK, POLICIES, type Policy } from '../mask/index.ts';
import { BIDIRECTIONAL, type Rule } from './model/attention-rule.ts';
import type { TokenRow } from './model/model.ts';

/**
 * Windows with their noise, laid end to end: what one forward and backward pass takes. Padding is left out, positions
 * start again at each window, and attention stays in the windows' groups, so it is the same as window by window, in
 * fewer and larger operations.
 */
export interface Slab extends TokenRow {
  /** `ids` is xt: the mask id at masked positions. */
  readonly ids: Int32Array;
  /** [masked]: where the masked tokens are. */
  readonly masked: Int32Array;
  /** [masked]: their ids before masking (x0). */
  readonly targets: Int32Array;
  /** [masked]: their loss weights. */
  readonly weights: Float32Array;
}

/** With what its losses are told apart by. */
export interface NoisedSlab extends Slab {
  /** [masked]: the chance that each was to be masked, its unit's. */
  readonly p: Float32Array;
}

/**
 * Prompts are never masked (docs/format.md). Under block diffusion a group stands twice, noisy and then clean; only the noisy tokens are in
 * the loss. `diffusionBlock`: tokens in a block, under that policy.
 */
export function layOut(
  windows: readonly { readonly record: WindowRecord; readonly noise: NoiseRow }[],
  maskTokenId: number,
  masker: Masker,
  diffusionBlock = DIFFUSION_BLOCK,
): NoisedSlab {
  const ids: number[] = [];
  const positions: number[] = [];
  const groupOffsets = [0];
  const rules: Rule[] = [];
  const masked: number[] = [];
  const targets: number[] = [];
  const weights: number[] = [];
  const p: number[] = [];
  for (const { record, noise } of windows) {
    const isMasked = masker.mask(noise, record.segments);
    const factors = noise.contextWeight;
    const { cuSeqlens, policy } = record.mask;
    const rule = ruleOf(policy as Policy, diffusionBlock);
    let unit = 0;
    let unitEnd = noise.unitLengths[0] ?? 0;
    for (let group = 0; group + 1 < cuSeqlens.length && cuSeqlens[group]! < record.numTokens; group++) {
      const end = Math.min(cuSeqlens[group + 1]!, record.numTokens);
      for (let i = cuSeqlens[group]!; i < end; i++) {
        while (i >= unitEnd && unit + 1 < noise.unitLengths.length) unitEnd += noise.unitLengths[++unit]!;
        const id = record.inputIds[i]!;
        if (isMasked[i]) {
          masked.push(ids.length);
          targets.push(id);
          weights.push(factors ? noise.weight[unit]! * factors[group]! : noise.weight[unit]!);
          p.push(noise.p[unit]!);
        }
        ids.push(isMasked[i] ? maskTokenId : id);
        positions.push(i);
      }
      if (rule.kind === 'block-diffusion')
        for (let i = cuSeqlens[group]!; i < end; i++) {
          ids.push(record.inputIds[i]!);
          positions.push(i);
        }
      groupOffsets.push(ids.length);
      rules.push(rule);
    }
  }
  return {
    ids: Int32Array.from(ids),
    positions: Int32Array.from(positions),
    groupOffsets: Int32Array.from(groupOffsets),
    rules,
    masked: Int32Array.from(masked),
    targets: Int32Array.from(targets),
    weights: Float32Array.from(weights),
    p: Float32Array.from(p),
  };
}

function ruleOf(policy: Policy, diffusionBlock: number): Rule {
  switch (POLICIES[policy].attention) {
    case 'bidirectional':
      return BIDIRECTIONAL;
    case 'causal':
      return { kind: 'causal' };
    default:
      return { kind: 'block-diffusion', block: diffusionBlock };
  }
}

/** A slab cut between groups, into parts of at most `tokens` tokens (or one group): no group sees another. */
export function* slabParts(slab: Slab, tokens: number): Generator<Slab> {
  const { groupOffsets, masked, rules } = slab;
  let loss = 0;
  for (let group = 0; group + 1 < groupOffsets.length;) {
    const first = group;
    const from = groupOffsets[first]!;
    do group++;
    while (group + 1 < groupOffsets.length && groupOffsets[group + 1]! - from <= tokens);
    const to = groupOffsets[group]!;
    const firstLoss = loss;
    while (loss < masked.length && masked[loss]! < to) loss++;
    yield {
      ids: slab.ids.subarray(from, to),
      positions: slab.positions.subarray(from, to),
      groupOffsets: groupOffsets.subarray(first, group + 1).map((offset) => offset - from),
      ...(rules && { rules: rules.slice(first, group) }),
      masked: masked.subarray(firstLoss, loss).map((at) => at - from),
      targets: slab.targets.subarray(firstLoss, loss),
      weights: slab.weights.subarray(firstLoss, loss),
    };
  }
}

/** Items in order, in runs of at most `limit` tokens (or one item). */
export function inSlabs<T extends { readonly record: { readonly numTokens: number } }>(
  items: readonly T[],
  limit: number,
): T[][] {
  const slabs: T[][] = [];
  let room = 0;
  for (const item of items) {
    if (slabs.length === 0 || item.record.numTokens > room) {
      slabs.push([]);
      room = limit;
    }
    slabs.at(-1)!.push(item);
    room -= item.record.numTokens;
  }
  return slabs;
}
