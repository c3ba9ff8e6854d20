import { checkpointInvalid } from '../../core/errors.ts';
import { MAX_METADATA_BYTES } from '../../core/limits.ts';
import { commitFile } from '../../io/commit.ts';
import { exists, readAll } from '../../io/files.ts';
import type { ModelConfig } from '../model/presets.ts';
import type { TrainEvent } from '../run-types.ts';
import { curveSvg } from './curve.ts';
import { panelsSvg } from './panels.ts';
import { writeEvents } from './tensorboard.ts';

/** What of a run is recorded, and when it was: seconds since 1970. */
export type RecordLine = Extract<TrainEvent, { readonly kind: 'step' | 'evaluation' | 'breakdown' }> & {
  readonly time: number;
};

/** What a run has reported so far. */
export interface RunRecord {
  readonly title: string;
  readonly config: ModelConfig;
  readonly unigram: number | null;
  readonly lines: RecordLine[];
}

const METRICS = 'metrics.jsonl';

/**
 * Writes `metrics.jsonl` (a line a step, evaluation or breakdown), the pictures, and the events behind line number `since` for
 * TensorBoard, each file whole or not at all.
 */
export async function recordRun(
  out: string,
  { title, config, unigram, lines }: RunRecord,
  since: number,
): Promise<void> {
  await commitFile(`${out}/${METRICS}`, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const train = lines.filter((line) => line.kind === 'step');
  const shape = `${config.layers} layers of width ${config.dModel}, vocabulary ${config.vocabSize.toLocaleString('en-US')}`;
  const tokens = train.at(-1)?.tokens ?? 0;
  const svg = curveSvg({
    title: `Masked diffusion loss on ${title}`,
    subtitle: `${shape}; ${tokens.toLocaleString('en-US')} tokens in ${train.length.toLocaleString('en-US')} steps`,
    train,
    heldOut: lines.filter((line) => line.kind === 'evaluation'),
    unigram,
  });
  await commitFile(`${out}/curve.svg`, svg);
  const breakdowns = lines.filter((line) => line.kind === 'breakdown');
  await commitFile(`${out}/breakdown.svg`, panelsSvg(`Cross-entropy of masked tokens on ${title}`, breakdowns));
  await writeEvents(out, lines.slice(since), lines.length);
}

/** The first `count` lines that a run recorded. CHECKPOINT_INVALID where they are not there or damaged. */
export async function recordedLines(out: string, count: number): Promise<RecordLine[]> {
  const path = `${out}/${METRICS}`;
  if (count === 0) return [];
  if (!(await exists(path))) throw checkpointInvalid(path, 'the whole', 'is not there');
  const text = new TextDecoder().decode(await readAll(path, MAX_METADATA_BYTES));
  const lines = text.split('\n');
  return Array.from({ length: count }, (_, i) => {
    try {
      return JSON.parse(lines[i] ?? '') as RecordLine;
    } catch {
      throw checkpointInvalid(path, `line ${i + 1}`, `is not what a run writes; ${count} are to go on from`);
    }
  });
}
