/** Limits that hold whatever a file says. Sizes in bytes unless the name says otherwise. */
const MiB = 1024 * 1024;

export const MIN_WINDOW = 128;
export const MAX_WINDOW = 1024 * 1024;
/** Rows and columns of a block of the block mask; FlexAttention's default. */
export const BLOCK_SIZE = 128;
export const MAX_TOKENIZER_BYTES = 64 * MiB;
/** Size a shard aims at. */
export const SHARD_BYTES = 64 * MiB;
/** A schema, a header, a receipt: nothing of the kind is larger. */
export const MAX_METADATA_BYTES = 256 * MiB;
/** Splits are numbered in int32; one more holds the tails. */
export const MAX_SPLITS = 2 ** 31 - 2;
