import { readAll } from '../../io/files.ts';
import {
  type Cell,
  checkForm,
  type GridSettings,
  haystackFrom,
  haystackOf,
  heldOutPieces,
  NEEDLE,
  type ModelConfig,
  needleInHaystack,
  perplexity,
  recordEvaluation,
  retrieval,
  shareRight,
  sharesOf,
  taskTokens,
} from '../../train/index.ts';
import { integer, percent } from '../format.ts';
import type { EvalContext } from './eval.ts';

/** A text to hide needles in. */
const MAX_HAYSTACK_BYTES = 64 * 1024 * 1024;

/** `--ppl`: a line for each length. */
export async function evaluatePerplexity({
  model,
  corpus,
  flags,
  about,
  out,
  signal,
  display,
}: EvalContext): Promise<void> {
  const { samples, seed } = flags;
  const results = [];
  for (const length of flags.lengths ?? [null]) {
    const pieces = await heldOutPieces(corpus!, length, flags.pieces, seed);
    const name = length === null ? 'documents' : `${integer(length)} tokens`;
    const done = (made: number): void => display.progress(`ppl    ${name}: ${made} of ${pieces.length} pieces`);
    const found = await perplexity(pieces, model, { samples, seed, signal, done });
    results.push({ length, ...found });
    const error = Number.isNaN(found.standardError) ? '' : ` ± ${found.standardError.toFixed(3)}`;
    display.line(
      `ppl    ${name}: ${found.perplexity.toFixed(2)}, ${found.nats.toFixed(3)}${error} nats a token ` +
        `(${found.pieces} pieces, ${integer(found.tokens)} tokens, each masked ${samples} times)`,
    );
  }
  const result = { ...about, samples, seed, results };
  display.result('ppl', { ...result, files: await recordEvaluation(out, 'ppl', result) });
  display.line(`       ${out}/ppl.json`);
}

/** `--retrieval`: a table for each number of pairs. */
export async function evaluateRetrieval(context: EvalContext): Promise<void> {
  const { model, trained, tokenizer, flags, about, out, display } = context;
  const tokens = taskTokens(tokenizer);
  const { depths, trials, seed } = flags;
  const lengths = lengthsOf(context);
  const panels = [];
  const results = [];
  for (const pairs of flags.pairs) {
    const heading = `${pairs} keys, one asked for (chance ${percent(1 / pairs)})`;
    const cells = await retrieval(model, tokens, pairs, gridOf(context, heading));
    results.push({ pairs, chance: 1 / pairs, accuracy: shareRight(cells), cells });
    panels.push({ heading, rows: depths.map(percentOf), shares: sharesOf(cells, lengths, depths) });
  }
  const map = {
    title: 'Key-value retrieval',
    subtitle: `share of exact answers, ${trials} questions a cell; trained on ${integer(trained)} tokens${ropeOf(model.config)}`,
    across: 'tokens of context',
    down: 'depth of the pair',
    columns: lengths.map(integer),
    panels,
  };
  const result = { ...about, trials, seed, lengths, depths, results };
  const files = await recordEvaluation(out, 'retrieval', result, map);
  display.result('retrieval', { ...result, files });
  display.line(`       ${files.join('  ')}`);
}

/** `--niah`: one table. */
export async function evaluateNeedle(context: EvalContext): Promise<void> {
  const { model, trained, tokenizer, corpus, flags, about, out, display } = context;
  const { depths, trials, seed } = flags;
  const form = {
    needle: flags.needle ?? NEEDLE.needle,
    question: flags.question ?? NEEDLE.question,
    answer: flags.answer ?? NEEDLE.answer,
    keys: flags.keys ?? NEEDLE.keys,
    values: flags.values ?? NEEDLE.values,
  };
  checkForm(form);
  const haystack =
    flags.haystack === undefined
      ? await haystackOf(corpus!, form.keys, tokenizer, seed)
      : haystackFrom([tokenizer.encode(await readAll(flags.haystack, MAX_HAYSTACK_BYTES))], form.keys, tokenizer);
  const lengths = lengthsOf(context);
  const longest = lengths.at(-1)!;
  if (haystack.tokens < longest)
    display.note(`the haystack has ${integer(haystack.tokens)} tokens: it comes round again in ${integer(longest)}`);
  const cells = await needleInHaystack(model, tokenizer, form, haystack, gridOf(context, 'needle in a haystack'));
  const map = {
    title: 'Needle in a haystack',
    subtitle: `share of exact answers, ${trials} questions a cell; trained on ${integer(trained)} tokens${ropeOf(model.config)}`,
    across: 'tokens of context',
    down: 'depth of the needle',
    columns: lengths.map(integer),
    panels: [{ heading: '', rows: depths.map(percentOf), shares: sharesOf(cells, lengths, depths) }],
  };
  const source = flags.haystack ?? 'held-out documents';
  const result = {
    ...about,
    trials,
    seed,
    lengths,
    depths,
    haystack: source,
    ...form,
    accuracy: shareRight(cells),
    cells,
  };
  const files = await recordEvaluation(out, 'niah', result, map);
  display.result('niah', { ...result, files });
  display.line(`       ${files.join('  ')}`);
}

const percentOf = (share: number): string => `${Math.round(1000 * share) / 10} %`;

/** Those asked for, or to what the model was trained on in three steps. */
const lengthsOf = ({ flags, trained }: EvalContext): number[] =>
  flags.lengths ?? [trained / 4, trained / 2, trained].map(Math.ceil);

const ropeOf = ({ ropeExtension }: ModelConfig): string => (ropeExtension ? `; ${ropeExtension.method}` : '');

/** The grid of the flags; prints a table with a row as soon as a length is done. */
function gridOf(context: EvalContext, heading: string): GridSettings {
  const { flags, display, signal } = context;
  const { depths, trials, seed } = flags;
  const lengths = lengthsOf(context);
  display.line(heading);
  display.line(`  ${'tokens'.padStart(9)}${depths.map((depth) => percentOf(depth).padStart(9)).join('')}   depth`);
  let row: Cell[] = [];
  const done = (cell: Cell): void => {
    row.push(cell);
    display.progress(`  ${integer(cell.length)} tokens: ${row.length} of ${depths.length} depths`);
    if (row.length < depths.length) return;
    const shares = row.map((one) => shareRight([one]));
    const words = shares.map((share) => (share === null ? '-' : percentOf(share)).padStart(9));
    display.line(`  ${integer(cell.length).padStart(9)}${words.join('')}`);
    row = [];
  };
  return { lengths, depths, trials, seed, signal, done };
}
