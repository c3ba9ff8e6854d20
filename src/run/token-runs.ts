import { mapFlow } from '../core/batch.ts';
import type { Document, TokenRun } from '../core/document.ts';
import type { Slab } from '../core/slab.ts';
import { from, type Stage } from '../core/stage.ts';
import { decidedStage, type Filter, looksAcross, selectStage, type Verdicts } from '../mix/index.ts';
import { type PartResult, type Range, readParts } from '../read/index.ts';
import { firstNumbers, type SourceReceipt } from '../shard/index.ts';
import { type Tokenizer, tokenizeStage } from '../tokenize/index.ts';
import { inputFiles } from './inputs.ts';
import type { Plan } from './plan.ts';
import { entryOf } from './receipts.ts';
import type { Settings } from './settings.ts';
import type { WorkerData } from './worker.ts';

/** What a split is read and judged with, besides its plan. */
export interface Reading {
  /** Folder the inputs' paths are relative to. */
  readonly root: string;
  readonly tokenizer: Tokenizer;
  /** Memory for texts that is used again, as that of ids is then. */
  readonly texts?: Slab<Uint8Array<ArrayBuffer>>;
  readonly filter: Filter | null;
  /** Of an input that is cut while it is read: what of it the split is. */
  readonly range: Range | null;
  /** What was decided on the documents; null in the survey that this is decided from, and where nothing has to be. */
  readonly verdicts: Verdicts | null;
  /** What the survey read of the split; empty where there is none. */
  readonly surveyed: readonly SourceReceipt[];
}

const NO_IDS = new Int32Array(0);

/** For whoever asks for the hashes of texts only. */
const untokenized: Stage<Document, TokenRun> = {
  name: 'hash',
  fingerprint: '',
  run: (input) => mapFlow(input, (document) => ({ document, ids: NO_IDS })),
};

/** The documents of a split as tokens, each with its verdict where there are rules. `read` fills as parts are read. */
export function tokenRuns(
  plan: Plan,
  settings: Settings,
  split: number,
  reading: Reading,
  pass: WorkerData['pass'] = 'pack',
) {
  const { root, tokenizer, texts, filter, range, verdicts } = reading;
  const read: SourceReceipt[] = [];
  const { parts } = plan.splits[entryOf(firstNumbers(plan.splits), split)]!;
  const result = ({ part, size, ...of }: PartResult) => {
    const { input, start, end } = range ? { ...range, end: range.start + size } : parts[part]!;
    read[part] = { input, start, end, ...of };
  };
  const runs = from(readParts(inputFiles(plan, parts, root), parts, settings.read, result, range, texts)).to(
    pass === 'hashes' ? untokenized : tokenizeStage(tokenizer, texts !== undefined),
  );
  const { mixture: rules, pack } = settings;
  const { inputs } = plan;
  const judge =
    looksAcross(rules) && pass === 'pack'
      ? decidedStage(rules, verdicts, inputs)
      : selectStage({ rules, filterHash: rules.filter, filter, seed: pack.seed, inputs });
  return { chain: judge ? runs.to(judge) : runs, read };
}
