import type { Verdict } from '../core/document.ts';
import { HASH_BYTES } from '../core/document-rows.ts';
import { copiesDraw, subsetDraw } from '../core/draws.ts';
import { readAll } from '../io/files.ts';
import {
  decide,
  DECISIONS,
  drawnVerdict,
  isChosen,
  isFiltered,
  lengthVerdict,
  looksAcross,
  rulesFor,
  type Surveyed,
} from '../mix/index.ts';
import { type Manifest, readDocuments, type StoredDocuments } from '../shard/index.ts';
import type { Settings } from './settings.ts';

type Rules = Pick<Settings, 'mixture' | 'pack'>;

/** What the rules that look at one document say of it: by its length and its hash, but for what a filter has answered. */
function verdictsOf(rows: StoredDocuments, { mixture, pack }: Rules): (i: number) => Verdict {
  const [tokens, hashes] = [rows.tokens(), new Uint8Array(rows.hashes().buffer)];
  const draw = copiesDraw(pack.seed);
  return (i) => {
    const of = rulesFor(mixture, rows.source(i));
    const byLength = lengthVerdict(of, tokens[i]!);
    if (byLength) return byLength;
    const reason = rows.dropped(i);
    if (mixture.filter !== null && isFiltered(reason)) return { copies: 0, dropped: reason };
    return drawnVerdict(draw(of.epochs, hashes.subarray(i * 16, i * 16 + 16)));
  };
}

/** Whether a row is what its verdict makes of it; packing may drop more, for reasons of its own. */
function agrees(copies: number, reason: string, expected: Verdict): boolean {
  if (expected.copies === 0) return copies === 0 && reason === expected.dropped;
  if (isChosen(reason)) return false;
  return copies === expected.copies || (copies === 0 && reason !== '');
}

/**
 * The documents of a split that are not what the rules of the mixture make of them, each by itself: held out or not,
 * dropped for its length, drawn so often. Where other documents have a say (`mixtureProblems`), theirs is not judged here.
 */
export function* rowProblems(split: number, rows: StoredDocuments, rules: Rules): Generator<string> {
  const subsetOf = subsetDraw(rules.pack.validation, rules.pack.seed);
  const verdictOf = verdictsOf(rows, rules);
  const [copies, hashes] = [rows.copies(), new Uint8Array(rows.hashes().buffer)];
  const across = looksAcross(rules.mixture);
  for (let i = 0; i < rows.length; i++) {
    const name = `document ${i} of split ${split}`;
    const subset = subsetOf(hashes.subarray(i * 16, i * 16 + 16));
    if (rows.subset(i) !== subset) yield `${name}: is ${rows.subset(i)}, its hash draws ${subset}`;
    const [reason, expected] = [rows.dropped(i), verdictOf(i)];
    const decided =
      across && expected.copies > 0 && copies[i] === 0 && (DECISIONS as readonly string[]).includes(reason);
    if (!decided && !agrees(copies[i]!, reason, expected)) yield `${name}: ${differs(copies[i]!, reason, expected)}`;
  }
}

/** The document table of a split, and its rows in plan order, in which the rules were applied; a shuffle gives the rows another one. */
interface Table {
  readonly rows: StoredDocuments;
  readonly order: Int32Array;
}

/** What a survey of a split would have said, from its document table. */
function surveyOf(split: number, rows: StoredDocuments, rules: Rules): Surveyed & Table {
  const [inputs, records] = [rows.inputs(), rows.records()];
  const order = Int32Array.from({ length: rows.length }, (_, i) => i);
  order.sort((a, b) => inputs[a]! - inputs[b]! || records[a]! - records[b]!);
  const [tokens, hashes, verdictOf] = [rows.tokens(), rows.hashes(), verdictsOf(rows, rules)];
  const words = HASH_BYTES / hashes.BYTES_PER_ELEMENT;
  const hashesInOrder = new Uint32Array(hashes.length);
  for (const [at, i] of order.entries()) hashesInOrder.set(hashes.subarray(i * words, (i + 1) * words), at * words);
  return {
    split,
    rows,
    order,
    length: rows.length,
    hashes: hashesInOrder,
    tokens: Float64Array.from(order, (i) => tokens[i]!),
    copies: Int32Array.from(order, (i) => verdictOf(i).copies),
    source: (at) => rows.source(order[at]!),
  };
}

/**
 * Duplicates, budgets and the share of long documents, decided once more from the document tables, all splits in order: in
 * the memory that the decision takes (mix/decide.ts).
 */
export async function* mixtureProblems(
  dir: string,
  { splits }: { readonly splits: readonly Pick<Manifest['splits'][number], 'split' | 'table' | 'documents'>[] },
  rules: Rules,
): AsyncGenerator<string> {
  if (!looksAcross(rules.mixture)) return;
  const surveys = async function* (): AsyncGenerator<Surveyed & Table> {
    for (const { split, table } of splits)
      if (table) yield surveyOf(split, readDocuments(await readAll(`${dir}/${table.path}`, table.bytes)), rules);
  };
  const documents = splits.reduce((sum, split) => sum + split.documents, 0);
  for await (const { surveyed, copies, dropped } of decide(surveys, documents, rules.mixture)) {
    const { split, rows, order } = surveyed;
    const found = rows.copies();
    for (const [at, i] of order.entries()) {
      const expected = { copies: copies[at]!, dropped: DECISIONS[dropped[at]!]! };
      // Without a decision the document's own verdict holds: `rowProblems` has looked at that.
      if (expected.copies === 0 && expected.dropped === '') continue;
      if (!agrees(found[i]!, rows.dropped(i), expected))
        yield `document ${i} of split ${split}: ${differs(found[i]!, rows.dropped(i), expected)}`;
    }
  }
}

const said = ({ copies, dropped }: Verdict): string => `there ${copies} times${dropped === '' ? '' : ` (${dropped})`}`;
const differs = (copies: number, dropped: string, expected: Verdict): string =>
  `${said({ copies, dropped })}, by the rules of the mixture ${said(expected)}`;
