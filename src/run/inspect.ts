import type { NoiseRecord } from '../core/noise.ts';
import { readAll, stat } from '../io/files.ts';
import {
  maskNames,
  openCorpus,
  readBitsReceipt,
  readDocuments,
  readMaskReceipt,
  readPassReceipt,
} from '../shard/index.ts';
import { type PromptOnly, promptOnly } from './prompt-only.ts';

/** Documents with at least `from` and fewer than `to` tokens. */
export interface Bin {
  readonly from: number;
  readonly to: number;
  readonly documents: number;
  readonly tokens: number;
}

/** What is in a corpus folder: the answer of `prep inspect`. Counts of tokens unless the name says otherwise. */
export interface Inspection {
  readonly name: string;
  readonly plan: string;
  readonly version: string;
  readonly policy: string;
  readonly tokenizer: { readonly sha256: string; readonly vocabSize: number; readonly specialIds: object };
  readonly windowLength: number;
  readonly windows: { readonly train: number; readonly validation: number };
  readonly documents: { readonly read: number; readonly packed: number; readonly rejected: number };
  readonly tokens: {
    readonly read: number;
    readonly repeated: number;
    readonly inserted: number;
    readonly packed: number;
    readonly dropped: number;
  };
  /** UTF-8 bytes of text. */
  readonly textBytes: number;
  /** Bytes of the shards on disk. */
  readonly shardBytes: number;
  readonly shards: number;
  /** Real tokens / places for tokens. */
  readonly fill: number;
  readonly segmentsPerWindow: { readonly mean: number; readonly max: number };
  /** Of fine-tuning records: what is prompt and nothing else; null where there are no prompts. */
  readonly promptOnly: PromptOnly | null;
  /** Documents cut into more than one part. */
  readonly cutDocuments: number;
  readonly longestGroup: number;
  /** (query, key) pairs the policy allows, of all pairs of all windows. */
  readonly attentionShare: number;
  readonly sources: readonly {
    readonly source: string;
    readonly documents: { readonly read: number; readonly packed: number };
    /** Packed. */
    readonly tokens: number;
  }[];
  readonly lengths: readonly Bin[];
  /** `settings` as a pipeline file has them. */
  readonly noise: readonly { readonly pass: number; readonly settings: NoiseRecord; readonly bitsets: boolean }[];
  /** Tables of masks that were made after the corpus, with their windows by policy. */
  readonly masks: readonly { readonly name: string; readonly windows: Readonly<Record<string, number>> }[];
  /** Quick checks: every listed file is there with its size. `prep verify` checks the contents. */
  readonly checks: { readonly ok: boolean; readonly problems: readonly string[] };
}

/** `onProgress` hears of each window. */
export async function inspectCorpus(
  dir: string,
  onProgress: (done: number, of: number) => void = () => {},
): Promise<Inspection> {
  const corpus = await openCorpus(dir);
  try {
    const { manifest } = corpus;
    const { ledger, windowLength, windows } = manifest;
    const shards = manifest.splits.flatMap((split) => split.shards);
    const problems: string[] = [];
    const files = manifest.splits.flatMap(({ table }) => (table ? [table] : []));
    for (const { path, bytes } of [...files, ...shards.flatMap((shard) => [shard, shard.mask])]) {
      const size = (await stat(`${dir}/${path}`))?.size;
      if (size !== bytes) problems.push(`${path}: ${size === undefined ? 'missing' : `${size} bytes, not ${bytes}`}`);
    }
    const count = windows.train + windows.validation;
    let [segments, most, longest, pairs] = [0, 0, 0, 0];
    for (let window = 0; window < count && problems.length === 0; window++) {
      const layout = await corpus.layout(window);
      segments += layout.segments.length;
      most = Math.max(most, layout.segments.length);
      pairs += layout.mask.allowedPairs;
      const { cuSeqlens } = layout.mask;
      for (let g = 0; g + 1 < cuSeqlens.length && cuSeqlens[g]! < layout.numTokens; g++)
        longest = Math.max(longest, cuSeqlens[g + 1]! - cuSeqlens[g]!);
      onProgress(window + 1, count);
    }
    const lengths = new Histogram();
    let cutDocuments = 0;
    for (const { path, bytes } of problems.length === 0 ? files : []) {
      const rows = readDocuments(await readAll(`${dir}/${path}`, bytes));
      for (const tokens of rows.tokens()) lengths.add(tokens);
      for (const parts of rows.parts()) if (parts > 1) cutDocuments++;
    }
    const noise = [];
    for (let pass = 0; pass < corpus.passes; pass++) {
      const { settings } = (await readPassReceipt(dir, pass))!;
      noise.push({ pass, settings, bitsets: (await readBitsReceipt(dir, pass)) !== undefined });
    }
    const masks = [];
    for (const name of await maskNames(dir)) {
      const { windows, files } = (await readMaskReceipt(dir, name))!;
      masks.push({ name, windows });
      for (const { path, bytes } of files)
        if ((await stat(`${dir}/${path}`))?.size !== bytes) problems.push(`${path}: missing, or of another size`);
    }
    const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0);
    return {
      name: manifest.name,
      plan: manifest.plan,
      version: manifest.version,
      policy: manifest.policy,
      tokenizer: manifest.tokenizer,
      windowLength,
      windows,
      documents: { read: ledger.documents.read, packed: ledger.documents.packed, rejected: sum(ledger.rejected) },
      tokens: { ...ledger.tokens, dropped: sum(ledger.tokens.dropped) },
      textBytes: ledger.bytes,
      shardBytes: shards.reduce((bytes, shard) => bytes + shard.bytes, 0),
      shards: shards.length,
      fill: count === 0 ? 0 : ledger.tokens.packed / (count * windowLength),
      segmentsPerWindow: { mean: count === 0 ? 0 : segments / count, max: most },
      promptOnly: problems.length === 0 ? await promptOnly(corpus) : null,
      cutDocuments,
      longestGroup: longest,
      attentionShare: count === 0 ? 0 : pairs / (count * windowLength ** 2),
      sources: Object.entries(manifest.ledgerBySource).map(([source, { documents, tokens }]) => ({
        source,
        documents: { read: documents.read, packed: documents.packed },
        tokens: tokens.packed,
      })),
      lengths: lengths.bins(),
      noise,
      masks,
      checks: { ok: problems.length === 0, problems },
    };
  } finally {
    await corpus.close();
  }
}

/** Documents by length in bins of powers of two. */
class Histogram {
  /** By exponent; -1 for no tokens. */
  readonly #bins = new Map<number, { documents: number; tokens: number }>();

  add(tokens: number): void {
    const exponent = tokens === 0 ? -1 : Math.floor(Math.log2(tokens));
    const bin = this.#bins.get(exponent) ?? { documents: 0, tokens: 0 };
    bin.documents++;
    bin.tokens += tokens;
    this.#bins.set(exponent, bin);
  }

  bins(): Bin[] {
    const exponents = [...this.#bins.keys()];
    const result: Bin[] = [];
    for (let e = Math.min(...exponents); e <= Math.max(...exponents); e++) {
      const { documents, tokens } = this.#bins.get(e) ?? { documents: 0, tokens: 0 };
      result.push({ from: e < 0 ? 0 : 2 ** e, to: 2 ** (e + 1), documents, tokens });
    }
    return result;
  }
}
