import { commitStream } from '../../io/commit.ts';
import { listFolder, removeFile } from '../../io/files.ts';
import { nodeFileSystem } from '../../io/file-system.ts';
import type { Bins } from './breakdown.ts';
import type { RecordLine } from './record.ts';
import { type Scalar, scalarsRecord, versionRecord } from './tfevents.ts';

/** A file a save, by the number of lines recorded until then: none is ever written to again. TensorBoard reads them in order. */
const nameOf = (lines: number): string => `events.out.tfevents.${String(lines).padStart(10, '0')}.ultraprep`;
const NAME = /^events\.out\.tfevents\.(\d{10})\.ultraprep$/;

export const eventsIn = (out: string): string => `${out}/tensorboard`;

/** Commits the events of `lines`, the last of which is number `until` of the record; nothing where there are none. */
export async function writeEvents(out: string, lines: readonly RecordLine[], until: number): Promise<void> {
  if (lines.length === 0) return;
  const target = `${eventsIn(out)}/${nameOf(until)}`;
  await commitStream(
    // Its temporary must not have the word in its name by which TensorBoard knows its files.
    `${eventsIn(out)}/part`,
    async (sink) => {
      await sink.write(versionRecord(lines[0]!.time));
      for (const line of lines) await sink.write(scalarsRecord(line.time, line.step, scalarsOf(line)));
    },
    nodeFileSystem,
    (temporary) => nodeFileSystem.rename(temporary, target),
  );
}

/** Removes what an earlier run in this folder wrote behind line number `lines`: it is written again, and a step is there once. */
export async function removeEvents(out: string, lines: number): Promise<void> {
  for (const name of await listFolder(eventsIn(out))) {
    const number = NAME.exec(name)?.[1];
    if (number !== undefined && Number(number) > lines) await removeFile(`${eventsIn(out)}/${name}`);
  }
}

/** What TensorBoard shows of a line: as many plots as tags, grouped by what stands before the slash. */
export function scalarsOf(line: RecordLine): Scalar[] {
  switch (line.kind) {
    case 'step':
      return scalars({
        'train/loss': line.loss,
        'train/cross_entropy': line.crossEntropy,
        'train/learning_rate': line.learningRate,
        'train/gradient_norm': line.gradientNorm,
        'train/tokens': line.tokens,
        'train/tokens_per_second': line.tokensPerSecond,
      });
    case 'evaluation':
      return scalars({ 'held-out/loss': line.loss, 'held-out/loss_ema': line.averageLoss ?? null });
    default: {
      const group = line.of === 'training' ? 'train' : 'held-out';
      return [...ofBins(`${group}_by_p`, line.byP, 1), ...ofBins(`${group}_by_position`, line.byPosition, Infinity)];
    }
  }
}

const scalars = (values: Readonly<Record<string, number | null>>): Scalar[] =>
  Object.entries(values).flatMap(([tag, value]) => (value === null ? [] : [{ tag, value }]));

/** Numbers in front, wide enough to be in order as text too. */
const ofBins = (group: string, { from, loss, weighted }: Bins, end: number): Scalar[] =>
  from.flatMap((least, bin) => {
    const name = end === 1 ? least.toFixed(1) : String(least).padStart(7, '0');
    return scalars({ [`${group}/${name}`]: loss[bin]!, [`${group}_weighted/${name}`]: weighted[bin]! });
  });
