/** Tokens in a block: 1 MiB. */
export const BLOCK_TOKENS = 256 * 1024;

/**
 * What glibc is asked for beyond this is always memory of its own, which goes back as a whole and is there only where it is
 * written to. Anything smaller may come out of what is free between other things, and zeros are written to it.
 */
const LARGEST_SHARED = 32 * 1024 * 1024;
/** Blocks that are asked for at once, 40 MiB: a little more than the ids of an ordinary split. */
const TOGETHER = 40;

/** Zeros that take no memory where nothing is written to them. */
export const untouched = (length: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Math.max(length, LARGEST_SHARED + 1)).subarray(0, length);

/**
 * For what is seldom asked for and let go: where a piece of 7 MiB has been freed, glibc has all that is smaller lie in arenas,
 * and keeps 14 MiB that are free at the end of each.
 */
export const seldom = (length: number): Uint8Array<ArrayBuffer> =>
  length < BLOCK_TOKENS * 4 ? new Uint8Array(length) : untouched(length);

const free: Int32Array<ArrayBuffer>[] = [];

/**
 * Memory for ids that a thread uses again, split after split: what is in it is what was in it. Asked for anew, block by block,
 * it came to lie in arenas that do not shrink: 410 MiB for 1 GB, and 350 with this.
 */
export function takeBlock(): Int32Array<ArrayBuffer> {
  if (free.length === 0) {
    const all = new Int32Array(TOGETHER * BLOCK_TOKENS);
    for (let i = TOGETHER; i-- > 0;) free.push(all.subarray(i * BLOCK_TOKENS, (i + 1) * BLOCK_TOKENS));
  }
  return free.pop()!;
}

/** They must not be looked at any more. */
export function giveBlocks(blocks: readonly Int32Array<ArrayBuffer>[]): void {
  // Last what was taken first, so that it is taken first again: what was never needed is never written to.
  for (const block of blocks.toReversed()) free.push(block);
}

let batch: Int32Array<ArrayBuffer> | undefined;

/** The same for the ids of a record batch, 8 MiB. */
export function takeBatch(length: number): Int32Array<ArrayBuffer> {
  const taken = batch?.length === length ? batch : new Int32Array(length);
  batch = undefined;
  return taken;
}

export function giveBatch(ids: Int32Array<ArrayBuffer>): void {
  batch = ids;
}
