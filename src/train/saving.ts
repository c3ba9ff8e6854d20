import { MAX_TOKENIZER_BYTES } from '../core/limits.ts';
import { commitFile } from '../io/commit.ts';
import { readAll } from '../io/files.ts';
import { sweepTemporaries } from '../io/temporary.ts';
import type { Corpus } from '../shard/index.ts';
import { removeCheckpoint, saveCheckpoint } from './checkpoint/checkpoint.ts';
import { removeResume, type RunIdentity, saveResume } from './checkpoint/resume.ts';
import type { LoopState } from './loop.ts';
import type { Progress } from './progress.ts';
import { recordRun, type RunRecord } from './record/record.ts';
import { eventsIn, removeEvents } from './record/tensorboard.ts';
import type { TrainEvent } from './run-types.ts';

const TOKENIZER = 'tokenizer.json';
/** Where the moving average of the weights goes: a checkpoint as any other. */
const averageIn = (out: string): string => `${out}/ema`;

export const pathsIn = (out: string): Omit<TrainEvent & { kind: 'files' }, 'kind'> => ({
  checkpoint: `${out}/model.safetensors`,
  curve: `${out}/curve.svg`,
  breakdown: `${out}/breakdown.svg`,
  metrics: `${out}/metrics.jsonl`,
});

export interface Saving {
  readonly corpus: Corpus;
  readonly out: string;
  readonly state: LoopState;
  readonly progress: Progress;
  readonly record: RunRecord;
  readonly identity: RunIdentity;
}

/** Commits what a run has come to: weights, their average, the record, and last what is resumed from. */
export interface Saver {
  save(): Promise<void>;
  /** The record alone: for a run that went wrong. */
  saveRecord(): Promise<void>;
  /** There is a checkpoint of this run. */
  readonly saved: boolean;
}

export function saverOf({ corpus, out, state, progress, record, identity }: Saving): Saver {
  let saved = progress.step > 0;
  let recorded = progress.lines;
  let cleared = false;
  /** Not before the first save: what an earlier run left in the folder stays until this one has something in its place. */
  const clear = async (): Promise<void> => {
    if (cleared) return;
    cleared = true;
    for (const folder of [out, averageIn(out), eventsIn(out)]) await sweepTemporaries(folder);
    if (progress.lines === 0) await removeResume(out);
    await removeEvents(out, progress.lines);
  };
  const saveRecord = async (): Promise<void> => {
    await clear();
    await recordRun(out, record, recorded);
    recorded = record.lines.length;
  };
  return {
    get saved() {
      return saved;
    },
    saveRecord,
    async save() {
      const { parameters, optimizer, config } = state;
      const about = { corpus: corpus.manifest.plan };
      await clear();
      const tokenizer = await readAll(`${corpus.dir}/${TOKENIZER}`, MAX_TOKENIZER_BYTES);
      await commitFile(`${out}/${TOKENIZER}`, tokenizer);
      await saveCheckpoint(out, parameters, config, about);
      if (optimizer.average.size > 0) {
        await commitFile(`${averageIn(out)}/${TOKENIZER}`, tokenizer);
        await saveCheckpoint(averageIn(out), optimizer.average, config, about);
      } else await removeCheckpoint(averageIn(out));
      saved = true;
      await saveRecord();
      // Last: what is resumed from here has its metrics and its checkpoint.
      progress.lines = record.lines.length;
      await saveResume(out, state, progress, identity);
    },
  };
}
