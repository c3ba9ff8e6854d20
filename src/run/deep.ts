import { tmpdir } from 'node:os';
import type { Flow } from '../core/batch.ts';
import { bytesOf, type Document, type Origin } from '../core/document.ts';
import { keyOf, philox, STREAM } from '../core/random.ts';
import { from, type Stage } from '../core/stage.ts';
import { roomIn } from '../io/room.ts';
import { spoolIn } from '../io/spool.ts';
import { checkUnchanged, cutStream, type Range, readParts } from '../read/index.ts';
import type { Manifest, StoredDocuments } from '../shard/index.ts';
import { type Tokenizer, tokenizeStage } from '../tokenize/index.ts';
import { inputFile, inputFiles } from './inputs.ts';
import { lossRules } from './loss.ts';
import type { Plan } from './plan.ts';
import { type Remade, remade } from './remade.ts';
import { configOf, settingsOf } from './settings.ts';

/** Which documents are read again from their sources. */
export interface DeepOptions {
  /** More than 0, at most 1; one document at least is read again where there is one. */
  readonly share: number;
  readonly seed: number;
  /** Absolute folder that the inputs' paths are relative to. */
  readonly root: string;
}

/** Makes the tokens of some documents of a split again. */
export type Again = (rows: StoredDocuments, note: (problem: string) => void) => Promise<Map<number, Remade>>;

/**
 * For each split of a plan's entry, in order, what makes tokens of a share of its documents from their source. Each is to be
 * called before the next is asked for: an input that is cut while it is read is read once, from its start to its end.
 */
export async function* tokensAgain(
  plan: Plan,
  entry: number,
  first: number,
  tokenizer: Tokenizer,
  options: DeepOptions,
): AsyncGenerator<Again> {
  const { parts, slots } = plan.splits[entry]!;
  const files = inputFiles(plan, parts, options.root);
  const rules = lossRules({ windowLength: configOf(plan).window, config: plan.config });
  const of = (split: number, range: Range | null): Again => {
    const source = readParts(files, parts, settingsOf(plan).read, () => {}, range);
    return async (rows, note) => {
      const wanted = drawn(rows, split, options);
      const found = new Map<number, Remade>();
      const runs = from(source).to(picked(wanted)).to(tokenizeStage(tokenizer));
      const compared = runs.into({
        name: 'compare',
        fingerprint: '',
        async write(input) {
          for await (const { items } of input)
            for (const { document, ids, promptTokens = 0 } of items) {
              const number = wanted.get(placeOf(document.origin))!;
              const { tokens, bytes, hash, parts: cutInto, source: of } = rows.row(number);
              found.set(number, remade(ids, promptTokens, cutInto, rules.separatorOf(of)));
              if (Buffer.compare(hash, document.hash.subarray(0, hash.length)) !== 0)
                note(
                  `document ${number} of split ${split}: the hash in its table is not that of its text in its source`,
                );
              if (tokens !== ids.length || bytes !== bytesOf(document))
                note(
                  `document ${number} of split ${split}: ${tokens} tokens of ${bytes} bytes in its table, its source has ${ids.length} of ${bytesOf(document)}`,
                );
            }
        },
      });
      const room = () => roomIn(tmpdir(), 'text');
      await compared.run({ progress() {}, reject() {}, spool: () => spoolIn(tmpdir()), room });
      for (const number of wanted.values())
        if (!found.has(number)) note(`document ${number} of split ${split}: not in its source`);
      return found;
    };
  };
  let split = first;
  if (slots === undefined) yield of(split, null);
  else for await (const range of rangesOf(plan, parts[0]!.input, options.root)) yield of(split++, range);
}

/**
 * Where a share comes to no document, as 1 % of 50 often does, one that takes the document whose draw is least: what
 * compares nothing proves nothing. Ends at the first document that is drawn anyhow.
 */
export function atLeastOne({ splits }: Pick<Manifest, 'splits'>, options: DeepOptions): DeepOptions {
  const draw = drawsOf(options.seed);
  let least = 1;
  for (const { split, documents } of splits)
    for (let i = 0; i < documents; i++) {
      least = Math.min(least, draw(split, i));
      if (least < options.share) return options;
    }
  return { ...options, share: least + 2 ** -32 };
}

/** The draw of a document, 0 to 1 in steps of 2^-32. */
function drawsOf(seed: number): (split: number, document: number) => number {
  const draw = new Uint32Array(4);
  const key = keyOf(seed);
  return (split, document) => {
    philox(draw, key, split, document, 0, STREAM.check);
    return draw[0]! / 2 ** 32;
  };
}

/** Documents by where they are in their input. */
function drawn(rows: StoredDocuments, split: number, { share, seed }: DeepOptions): Map<string, number> {
  const draw = drawsOf(seed);
  const wanted = new Map<string, number>();
  for (let i = 0; i < rows.length; i++) if (draw(split, i) < share) wanted.set(placeOf(rows.row(i)), i);
  return wanted;
}

const placeOf = ({ input, record }: Origin): string => `${input} ${record}`;

const picked = (wanted: ReadonlyMap<string, number>): Stage<Document, Document> => ({
  name: 'pick',
  fingerprint: '',
  async *run(input): Flow<Document> {
    for await (const { items, cursor } of input)
      yield { items: items.filter(({ origin }) => wanted.has(placeOf(origin))), cursor };
  },
});

/** The ranges of an input that is cut while it is read, one after the other: each is to be read to its end. */
async function* rangesOf(plan: Plan, input: number, root: string): AsyncGenerator<Range> {
  const { split_bytes: splitBytes } = configOf(plan);
  const file = inputFile(plan, input, root);
  checkUnchanged(file);
  const pieces = cutStream(file, splitBytes, () => {});
  let next = await pieces.next();
  while (!next.done) {
    const begun = next;
    const { bytes, start } = next.value;
    const chunks = (async function* () {
      yield bytes;
      for (next = await pieces.next(); !next.done && !next.value.begins; next = await pieces.next())
        yield next.value.bytes;
    })();
    yield { input, start, chunks, last: () => next.done === true };
    // Nobody reads the range of a split whose table is damaged.
    while (!next.done && (next === begun || !next.value.begins)) next = await pieces.next();
  }
}
