import { fingerprintMismatch } from '../core/errors.ts';
import type { Room } from '../core/stage.ts';
import { sha256OfFile } from '../io/hash.ts';
import { checkUnchanged, readParts } from '../read/index.ts';
import { firstNumbers, type SourceReceipt } from '../shard/index.ts';
import { inputFile, inputFiles } from './inputs.ts';
import type { Local } from './local.ts';
import type { Plan } from './plan.ts';
import { type Done, entryOf } from './receipts.ts';
import { settingsOf } from './settings.ts';

/**
 * Inputs under a half-finished plan: sizes are part of the plan's id, so what is left is a file of the same size with other
 * content. A changed modification time is the early warning; then the ranges already read are hashed again and compared
 * with the receipts. Without `before` (it may be deleted, and is a file like any other) every input may have changed.
 * An input that is cut while it is read is hashed as a whole, if it is done; otherwise its reader compares (reader.ts).
 * FINGERPRINT_MISMATCH names the file.
 */
export async function checkInputs(plan: Plan, local: Local, before: Local | undefined, done: Done): Promise<void> {
  const known = before?.modified ?? [];
  const changed = new Set(plan.inputs.flatMap((_, i) => (local.modified[i] === known[i] ? [] : [i])));
  if (changed.size === 0) return;
  const first = firstNumbers(plan.splits);
  const compare = (input: number, found: string, expected: string) => {
    if (found !== expected) throw fingerprintMismatch(plan.inputs[input]!.path, 'content', found, expected);
  };
  for (const { split, read } of done.splits.values()) {
    if (plan.splits[entryOf(first, split)]!.slots !== undefined) continue;
    for (const part of read) if (changed.has(part.input)) compare(part.input, await hashAgain(part), part.sha256);
  }
  for (const { split, sha256 } of done.streams.values()) {
    const { input } = plan.splits[entryOf(first, split)]!.parts[0]!;
    if (!changed.has(input)) continue;
    const file = inputFile(plan, input, local.root);
    checkUnchanged(file);
    compare(input, await sha256OfFile(file.path), sha256);
  }

  async function hashAgain(part: SourceReceipt): Promise<string> {
    let found = '';
    const files = inputFiles(plan, [part], local.root);
    const source = readParts(files, [{ ...part, bytes: 0 }], settingsOf(plan).read, ({ sha256 }) => (found = sha256));
    const documents = source.read({ progress() {}, reject() {}, room: nowhere })[Symbol.asyncIterator]();
    while (!(await documents.next()).done);
    return found;
  }
}

/** Of texts that nobody reads nothing is kept. */
const nowhere = (): Promise<Room> =>
  Promise.resolve({ write: () => Promise.resolve(), read: () => Promise.resolve(), release() {} });
