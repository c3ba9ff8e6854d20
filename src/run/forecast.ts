import type { NoiseSettings } from '../config/index.ts';
import type { Verdict } from '../core/document.ts';
import { ownOf } from '../core/own.ts';
import type { Subset, Window } from '../core/window.ts';
import type { Policies, Policy } from '../mask/index.ts';
import { looksAcross } from '../mix/index.ts';
import { type PackOptions, packStage, packTails, shuffleStage } from '../pack/index.ts';
import type { Ledger, Receipt } from '../shard/index.ts';
import { openDecision, surveys } from './decide.ts';
import { addLedgers, sumBySource } from './ledger.ts';
import type { Plan } from './plan.ts';
import { type PromptOnly, PromptOnlyCount } from './prompt-only.ts';
import { settingsOf } from './settings.ts';
import { ledgers } from './split.ts';
import { type Coverage, noiseFileBytes, WindowStats } from './window-stats.ts';

/** What a policy would cost: (query, key) pairs that it allows, in windows that it needs. */
export interface Cost {
  readonly policy: string;
  readonly windows: number;
  readonly fill: number;
  readonly pairs: number;
}

/** What `prep pack` would make of a plan. Counts are of the whole plan, also where only some of it was read. */
export interface Forecast {
  readonly name: string;
  readonly plan: string;
  readonly policy: string;
  readonly windowLength: number;
  /** Whether packing comes to the same: not where only a share was read, or a cut goes by the text. */
  readonly exact: boolean;
  /** Share of the input's bytes that was read. */
  readonly share: number;
  /** Splits that were read, of how many, and inputs that were read from their beginning, to be cut while they are. */
  readonly looked: { readonly splits: number; readonly of: number; readonly begun: number };
  /** Whether duplicates of what was not read are missing, so that there are more of them than said. */
  readonly duplicatesMissed: boolean;
  readonly windows: Readonly<Record<Subset, number>>;
  readonly fill: number;
  readonly segmentsPerWindow: number;
  readonly cutDocuments: number;
  /** Of fine-tuning records: what is prompt and nothing else. */
  readonly promptOnly: PromptOnly;
  readonly ledger: Ledger;
  readonly ledgerBySource: Readonly<Record<string, Ledger>>;
  readonly costs: readonly Cost[];
  readonly coverage: readonly Coverage[];
  /** Share of windows whose longest attention group is longer than this many tokens. */
  readonly longer: { readonly trainLength: number; readonly share: number } | null;
  readonly disk: { readonly shards: number; readonly files: number; readonly masks: number; readonly noise: number };
}

/**
 * Packs a surveyed plan from the lengths of its documents alone: by the stages that pack it, over ids that are all 0. So windows, fill and
 * ledger are what packing makes, but for cuts that go by the text (up to 5 % of a window earlier). `dir` has the survey.
 */
export async function forecastOf(
  plan: Plan,
  dir: string,
  receipts: readonly Receipt[],
  {
    share,
    looked,
    noise,
    trainLength,
  }: Pick<Forecast, 'share' | 'looked'> & { noise: NoiseSettings; trainLength: number | null },
): Promise<Forecast> {
  const { pack, policies, provenance, mixture } = settingsOf(plan);
  const { eos } = provenance.tokenizer.specialIds;
  const planned = await packLengthsOnly(plan, dir, receipts, pack, policies);
  const own = Object.keys(pack.sources).length > 0;
  const alone = async (separator: number | null, policy: Policy): Promise<WindowStats> =>
    !own && separator === pack.separator
      ? planned.stats
      : (
          await packLengthsOnly(
            plan,
            dir,
            receipts,
            { ...pack, separator, sources: {} },
            { ...policies, policy, bySource: {} },
          )
        ).stats;
  const plain = await alone(null, 'direct');
  const times = (n: number): number => (share === 1 ? n : Math.round(n / share));
  const cost = (policy: string, { count, fill }: WindowStats, pairs: number): Cost => ({
    policy,
    windows: times(count),
    fill,
    pairs: times(pairs),
  });
  const costs = [
    ...(own || policies.policy === 'hybrid' || policies.policy === 'block-diffusion'
      ? [cost('as planned', planned.stats, planned.stats.pairs.planned)]
      : []),
    cost('adaptive', plain, plain.pairs.document),
    cost('direct', plain, plain.pairs.window),
    cost('document-causal', plain, plain.pairs.causal),
  ];
  if (eos !== null) {
    const separated = await alone(eos, 'eod');
    costs.splice(costs.length - 1, 0, cost('eod', separated, separated.pairs.window));
  }
  const { stats, bySource, cutDocuments, prompts } = planned;
  const { windows } = stats;
  const scaled = Object.fromEntries(Object.entries(bySource).map(([source, of]) => [source, scale(of, times)]));
  const cutByText = cutDocuments > 0 && pack.longDocuments !== 'truncate' && pack.method !== 'concat';
  return {
    name: (plan.config as { name: string }).name,
    plan: plan.id,
    policy: policies.policy,
    windowLength: pack.windowLength,
    exact: share === 1 && !cutByText,
    share,
    looked,
    duplicatesMissed: share < 1 && mixture.duplicates === 'drop',
    windows: { train: times(windows.train), validation: times(windows.validation) },
    fill: stats.fill,
    segmentsPerWindow: stats.count === 0 ? 0 : stats.segments / stats.count,
    cutDocuments: times(cutDocuments),
    promptOnly: {
      documents: times(prompts.documents),
      segments: times(prompts.segments),
      tokens: times(prompts.tokens),
    },
    ledger: addLedgers(Object.values(scaled)),
    ledgerBySource: scaled,
    costs,
    coverage: stats.coverage(),
    longer: trainLength === null ? null : { trainLength, share: stats.longerThan(trainLength) },
    disk: {
      shards: times(stats.shardBytes),
      files: times(stats.shards),
      masks: times(stats.maskFileBytes),
      noise: times(Math.round(noiseFileBytes(noise, stats))),
    },
  };
}

async function packLengthsOnly(
  plan: Plan,
  dir: string,
  receipts: readonly Receipt[],
  pack: PackOptions,
  policies: Policies,
): Promise<{ stats: WindowStats; bySource: Record<string, Ledger>; cutDocuments: number; prompts: PromptOnly }> {
  const stats = new WindowStats(pack.windowLength, policies);
  const prompts = new PromptOnlyCount({
    longDocuments: pack.longDocuments,
    separatorOf: (source) => ((ownOf(pack.sources, source) ?? pack).separator === null ? 0 : 1),
  });
  const look = (split: number, window: Window): void => {
    stats.add(split, window);
    for (const segment of window.segments) prompts.add(segment);
  };
  const names = plan.inputs.map(({ source }) => source);
  const { mixture, shuffle } = settingsOf(plan);
  const verdictsOf = looksAcross(mixture) ? await openDecision(plan, dir) : null;
  const all: Record<string, Ledger>[] = [];
  let cutDocuments = 0;
  const context = { progress() {}, reject() {} };
  const tails = async function* () {
    let at = 0;
    for await (const surveyed of surveys(dir, receipts)) {
      const receipt = receipts[at++]!;
      const { split, length, rows } = surveyed;
      const verdicts = verdictsOf ? await verdictsOf(split) : null;
      const verdictOf = (i: number): Verdict =>
        verdicts?.verdict(i) ?? { copies: surveyed.copies[i]!, dropped: rows.dropped(i) };
      const [inputs, hashes, groups] = [rows.inputs(), new Uint8Array(surveyed.hashes.buffer), rows.groups()];
      // A survey has these where parts will be.
      const promptTokens = rows.parts();
      const stage = packStage(pack, split, names);
      const runs = (function* () {
        for (let i = 0; i < length; i++) {
          const origin = { input: inputs[i]!, record: i, start: 0, end: 0 };
          const hash = hashes.subarray(i * 16, i * 16 + 16);
          const document = { origin, id: null, text: NO_TEXT, group: groups[i]!, hash };
          const ids = zeros(surveyed.tokens[i]!);
          const run = { document, ids, verdict: verdictOf(i), promptTokens: promptTokens[i]! };
          yield { items: [run], cursor: NO_CURSOR };
        }
      })();
      const flow = asFlow(runs);
      const ordered = shuffle ? shuffleStage(pack.seed, split).run(flow, context) : flow;
      const packed = new Map<string, number>();
      const add = (source: string, tokens: number) => packed.set(source, (packed.get(source) ?? 0) + tokens);
      for await (const { items } of stage.run(ordered, context))
        for (const window of items) {
          look(split, window);
          for (const { source, length: tokens } of window.segments) add(source, tokens);
        }
      const { tail, documents } = stage.result;
      for (const piece of tail) add(piece.source, piece.ids.length);
      for (const rows of documents.blocks())
        for (let i = 0; i < rows.length; i++) if (rows.parts[i]! > 1) cutDocuments++;
      const rejected = Object.entries(receipt.ledger).map(([source, ledger]) => [source, ledger.rejected] as const);
      const made = ledgers(pack, stage.result, new Map(rejected), packed);
      all.push(
        Object.fromEntries(
          Object.entries(made).map(([source, ledger]) => [
            source,
            { ...ledger, bytes: ownOf(receipt.ledger, source)?.bytes ?? 0 },
          ]),
        ),
      );
      yield tail;
      tail.release();
    }
  };
  for await (const window of packTails(tails(), pack)) look(Number.POSITIVE_INFINITY, window);
  return { stats, bySource: sumBySource(all), cutDocuments, prompts };
}

const NO_TEXT = new Uint8Array(0);
const NO_CURSOR = { bytes: 0, records: 0 };

/** Ids that are all 0: pages that are only read take no memory. */
let zeroIds = new Int32Array(1 << 20);
function zeros(length: number): Int32Array {
  if (length > zeroIds.length) zeroIds = new Int32Array(2 ** Math.ceil(Math.log2(length)));
  return zeroIds.subarray(0, length);
}

async function* asFlow<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

function scale({ documents, tokens, bytes, rejected }: Ledger, times: (n: number) => number): Ledger {
  const each = (counts: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(counts).map(([name, n]) => [name, times(n)]));
  return {
    documents: { read: times(documents.read), packed: times(documents.packed), dropped: each(documents.dropped) },
    tokens: {
      read: times(tokens.read),
      repeated: times(tokens.repeated),
      inserted: times(tokens.inserted),
      packed: times(tokens.packed),
      dropped: each(tokens.dropped),
    },
    bytes: times(bytes),
    rejected: each(rejected),
  };
}
