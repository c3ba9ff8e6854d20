import { configInvalid } from '../core/errors.ts';
import { MAX_SPLITS } from '../core/limits.ts';
import {
  cutParts,
  type InputFile,
  isCutWhileRead,
  mostDecompressed,
  type Part,
  type ReadOptions,
} from '../read/index.ts';
import { firstNumbers } from '../shard/index.ts';
import type { Split } from './plan.ts';

/**
 * Split numbers kept for an input that is cut while it is read: as many as it can become (500 times its size). Numbers cost
 * nothing but are int32: splits of 32 MiB have room for 144 TB on disk, smaller ones for less. A few more, as a reader notices
 * a file that grows too much a chunk later.
 */
const slotsFor = ({ size, compression }: InputFile, splitBytes: number): number =>
  Math.ceil(mostDecompressed(size, compression) / splitBytes) + 16;

/** What a text of so many tokens takes, about: 4.4 bytes a token of English, 4 of code, 3.6 of Chinese. */
const BYTES_A_TOKEN = 4;
const LEAST_WINDOWS = 16;
const [LEAST_BYTES, MOST_BYTES] = [2 ** 23, 2 ** 25];

/**
 * An eighth of the inputs, so that a small corpus is work for several too, up to 32 MiB. A split has to have several windows:
 * what fills none is packed again when all is merged, by one thread.
 */
export function usualSplitBytes(files: readonly InputFile[], window: number): number {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  return Math.min(MOST_BYTES, Math.max(LEAST_BYTES, LEAST_WINDOWS * window * BYTES_A_TOKEN, Math.ceil(total / 8)));
}

/** The entries of a plan over these files. CONFIG_INVALID names `split_bytes` where their numbers would not fit int32. */
export async function cutInputs(files: readonly InputFile[], splitBytes: number, read: ReadOptions): Promise<Split[]> {
  const splits: Split[] = [];
  let parts: Part[] = [];
  const close = () => {
    for (const split of groupParts(parts, splitBytes)) splits.push(split);
    parts = [];
  };
  for (const [input, file] of files.entries()) {
    const cut = await cutParts(file, input, splitBytes, read);
    if (!isCutWhileRead(file, splitBytes)) {
      for (const part of cut) parts.push(part);
      continue;
    }
    close();
    splits.push({ parts: cut, bytes: file.size, slots: slotsFor(file, splitBytes) });
  }
  close();
  const numbers = firstNumbers(splits).at(-1)!;
  if (numbers > MAX_SPLITS)
    throw configInvalid(
      'pipeline',
      { line: 0, column: 0, field: 'split_bytes' },
      `is ${splitBytes}, which may make ${numbers} splits of these inputs, more than ${MAX_SPLITS}`,
      'give a larger one',
    );
  return splits;
}

/** Opening a file costs as much as some KB of text: 100,000 tiny files are to be work for more than one. */
const MOST_PARTS = 1024;

/**
 * Consecutive parts, until a split has about `splitBytes`: small files share one, a large file was cut before. Two parts of
 * one file never share a split, so (split, input) names a part.
 */
function groupParts(parts: readonly Part[], splitBytes: number): Split[] {
  const splits: { parts: Part[]; bytes: number }[] = [];
  let open: { parts: Part[]; bytes: number } | undefined;
  for (const part of parts) {
    const full = open && (open.parts.length === MOST_PARTS || open.bytes + part.bytes > splitBytes * 1.25);
    if (!open || full || open.parts.at(-1)?.input === part.input) {
      open = { parts: [], bytes: 0 };
      splits.push(open);
    }
    open.parts.push(part);
    open.bytes += part.bytes;
  }
  return splits;
}
