import type { Pipeline } from '../config/index.ts';
import { inScratch } from '../io/scratch.ts';
import { looksAcross } from '../mix/index.ts';
import { isForeign } from '../tokenize/index.ts';
import { decideAll } from './decide.ts';
import { type Forecast, forecastOf } from './forecast.ts';
import type { RunEvents, RunOptions } from './pipeline.ts';
import { makePlan, type Plan, type Split } from './plan.ts';
import { configOf, settingsOf } from './settings.ts';
import { surveyAll, surveyReceipts } from './survey.ts';

export interface DryRunOptions extends RunOptions {
  /** Share of the splits to read. */
  readonly share: number;
  readonly trainLength: number | null;
}

/** What a pipeline would come to, before any shard: surveys its splits, or a share of them, in a folder that is removed again. */
export function dryRun(
  pipeline: Pipeline,
  { share, trainLength, workers, signal }: DryRunOptions,
  events: RunEvents,
): Promise<Forecast> {
  return inScratch(async (dir) => {
    const planned = await makePlan({ ...pipeline, out: dir }, { commit: false });
    const plan = sampled(planned.plan, share);
    const left = plan.splits.map((_, i) => i);
    events.planned(plan, left, isForeign(planned.model) ? planned.model.why : null);
    let read = 0;
    const on: RunEvents = {
      ...events,
      progress(delta) {
        read += delta.bytes ?? 0;
        events.progress(delta);
      },
    };
    const surveyed = await surveyAll(dir, { ...planned, plan }, workers, on, signal);
    const receipts = surveyReceipts(plan, dir, surveyed);
    if (looksAcross(settingsOf(plan).mixture)) await decideAll(plan, dir, receipts);
    events.packed();
    const part = plan === planned.plan ? 1 : Math.min(1, read / Math.max(1, bytesOf(planned.plan)));
    const settings = { share: part, looked: lookedAt(plan, planned.plan), noise: pipeline.noise, trainLength };
    return forecastOf(plan, dir, receipts, settings);
  });
}

const bytesOf = ({ splits }: Plan): number => splits.reduce((sum, { bytes }) => sum + bytes, 0);

const isOpen = ({ slots }: Split): boolean => slots !== undefined;

/** What of a plan is in its sample. */
const lookedAt = (sample: Plan, { splits }: Plan): Forecast['looked'] => ({
  splits: sample.splits.filter((entry) => !isOpen(entry)).length,
  of: splits.filter((entry) => !isOpen(entry)).length,
  begun: sample.splits.filter(isOpen).length,
});

/**
 * The plan with a share of its splits, spread over all of it, since an input's first part may be unlike its last; and of each
 * input that is cut while it is read the beginning, since it cannot be entered elsewhere. Something at least.
 */
function sampled(plan: Plan, share: number): Plan {
  if (share >= 1) return plan;
  const open = plan.splits.filter(isOpen);
  const length = plan.splits.length - open.length;
  const count = Math.max(open.length > 0 ? 0 : 1, Math.round(length * share));
  if (count === length && open.length === 0) return plan;
  let place = 0;
  const places = new Set(Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * length) / count)));
  const splits = plan.splits.flatMap((entry) => {
    if (!isOpen(entry)) return places.has(place++) ? [entry] : [];
    const stopAt = Math.ceil(entry.bytes * share);
    return [{ ...entry, bytes: stopAt, stopAt }];
  });
  const sample = { ...plan, splits };
  return { ...sample, config: scaledBudgets(plan, bytesOf(sample) / Math.max(1, bytesOf(plan))) };
}

/** A budget is of all documents: of a share of them it is that share. */
function scaledBudgets(plan: Plan, share: number): Plan['config'] {
  const config = configOf(plan);
  const sources = Object.entries(config.sources).map(([source, of]) => [
    source,
    { ...of, tokens: of.tokens === null ? null : Math.round(of.tokens * share) },
  ]);
  return { ...config, sources: Object.fromEntries(sources) };
}
