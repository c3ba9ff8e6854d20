import type { Pipeline } from '../config/index.ts';
import { noiseWords } from '../core/noise.ts';
import { openTokenizer } from '../tokenize/index.ts';
import { makePlan, settingsOf, splitChain } from '../run/index.ts';
import { bytes, columns, count, integer, percent, shownPath } from './format.ts';

/** The pipeline as a tree: each stage, seven digits of its fingerprint, and what it does. Reads inputs, writes nothing. */
export async function explain(pipeline: Pipeline): Promise<string> {
  const { plan, local, model } = await makePlan(pipeline, { commit: false });
  const loaded = openTokenizer(model, settingsOf(plan).encode);
  const { chain, sink } = splitChain(plan, settingsOf(plan), 0, pipeline.out, {
    root: local.root,
    tokenizer: loaded,
    filter: null,
    range: null,
    verdicts: null,
    surveyed: [],
  });
  const size = plan.inputs.reduce((sum, input) => sum + input.size, 0);
  const formats = new Set(
    plan.inputs.map((i) => (i.compression === 'none' ? i.format : `${i.format}.${i.compression}`)),
  );
  const { method, longDocuments, minSegment, longShare } = pipeline.packing;
  const { passes, form } = pipeline.noise;
  const about: Record<string, string> = {
    read: `${count(plan.inputs.length, 'file')}, ${bytes(size)} (${[...formats].sort().join(', ')}), field ${pipeline.textField}, ${count(plan.splits.length, 'split')}`,
    tokenize: `${shownPath(pipeline.tokenizer)}, ${integer(loaded.size)} ids, by ${loaded.engine}`,
    shuffle: 'documents in a seeded order, 4M tokens at a time',
    pack: `${method} into windows of ${integer(pipeline.window)} tokens, long documents ${longDocuments}, ${minSegment > 0 ? `segments of ${integer(minSegment)} tokens or more, ` : ''}${longShare === null ? '' : `${percent(longShare)} of tokens in them, `}${percent(pipeline.validation)} held out`,
    mask: `${pipeline.policy}, blocks of 128`,
    shard: `Arrow IPC in ${shownPath(pipeline.out)}`,
  };
  const rows = chain
    .into(sink)
    .stages.map(({ name, fingerprint }) => [`├─ ${name}`, fingerprint.slice(0, 7), about[name] ?? '']);
  rows.push(['└─ noise', '', `${count(passes, 'pass')}, ${noiseWords(form)}`]);
  return `${pipeline.name}  plan ${plan.id.slice(0, 7)}\n${columns(rows)}\n`;
}
