import { dirname } from 'node:path';
import { type Command, Option } from 'commander';
import { usageError } from '../../core/errors.ts';
import { newestCorpus, openCorpus, type StoredCorpus } from '../../shard/index.ts';
import { exists } from '../../io/files.ts';
import type { Tokenizer } from '../../tokenize/index.ts';
import {
  BACKENDS,
  checkCorpus,
  extended,
  chooseBackend,
  findCheckpoint,
  type Model,
  type ModelConfig,
  openCheckpoint,
  ROPE_EXTENSIONS,
  withCheckpoint,
} from '../../train/index.ts';
import { stopSignal } from '../command.ts';
import { evaluateNeedle, evaluatePerplexity, evaluateRetrieval } from './eval-kinds.ts';
import { type EvalFlags, lengthList, listOf, percentList } from './eval-flags.ts';
import { evalDisplay } from './eval-display.ts';
import { count, countFrom1 } from './numbers.ts';

/** What every kind of evaluation gets. */
export interface EvalContext {
  readonly model: Model;
  /** Longest window that the model has seen. */
  readonly trained: number;
  readonly tokenizer: Tokenizer;
  readonly corpus: StoredCorpus | null;
  readonly flags: EvalFlags;
  readonly about: Readonly<Record<string, unknown>>;
  readonly out: string;
  readonly signal: AbortSignal;
  readonly display: ReturnType<typeof evalDisplay>;
}

async function evaluate(given: string | undefined, flags: EvalFlags): Promise<void> {
  const kinds = [
    ...(flags.ppl ? [evaluatePerplexity] : []),
    ...(flags.retrieval ? [evaluateRetrieval] : []),
    ...(flags.niah ? [evaluateNeedle] : []),
  ];
  if (kinds.length === 0) throw usageError('say what to evaluate: --ppl, --niah or --retrieval');
  const display = evalDisplay(flags.json ? 'json' : process.stderr.isTTY ? 'terminal' : 'plain');
  const signal = stopSignal();
  const dir = await findCheckpoint(given);
  const { config, tokenizer } = await openCheckpoint(dir);
  const corpus = flags.ppl || (flags.niah && flags.haystack === undefined) ? await corpusOf(dir, config, flags) : null;
  try {
    const { name: backend } = await chooseBackend(flags.backend ?? null);
    const beyond = (flags.lengths ?? []).filter((length) => length > config.maxSequenceLength);
    if (beyond.length > 0)
      display.note(`${beyond.join(', ')} tokens: the model was trained on windows of ${config.maxSequenceLength}`);
    const asIf = ropeFor(config, flags);
    const { ropeTheta, ropeExtension } = asIf;
    const about = { checkpoint: dir, corpus: corpus?.dir ?? null, backend, ropeTheta, ropeExtension };
    const out = flags.out ?? `${dir}/eval`;
    await withCheckpoint(dir, config, async ({ parameters }) => {
      const model = { parameters, config: asIf };
      const trained = config.maxSequenceLength;
      for (const kind of kinds) await kind({ model, trained, tokenizer, corpus, flags, about, out, signal, display });
    });
  } finally {
    display.close();
    await corpus?.close();
  }
}

/** The config to evaluate with: where `--rope` asks for it, RoPE is extended to the longest of the lengths, untrained. */
function ropeFor(config: ModelConfig, { rope = 'none', ropeCritical, lengths = [] }: EvalFlags): ModelConfig {
  if (rope === 'none') {
    if (ropeCritical !== undefined) throw usageError('--rope-critical goes with --rope vanilla-ntk or diffusion-ntk');
    return config;
  }
  const target = lengths.at(-1);
  if (target === undefined) throw usageError(`--rope ${rope} goes with --lengths: it extends to the longest`);
  return extended(config, target, rope, ropeCritical);
}

/** The corpus named, the one that the checkpoint lies in, or the newest; CHECKPOINT_MISMATCH for one of another tokenizer. */
async function corpusOf(checkpoint: string, config: ModelConfig, flags: EvalFlags): Promise<StoredCorpus> {
  const around = dirname(checkpoint);
  const dir = flags.corpus ?? ((await exists(`${around}/manifest.json`)) ? around : await newestCorpus('out'));
  const corpus = await openCorpus(dir);
  try {
    await checkCorpus(checkpoint, config, corpus);
  } catch (error) {
    await corpus.close();
    throw error;
  }
  return corpus;
}

/** `train eval [CHECKPOINT]` */
export function evalCommand(program: Command): void {
  program
    .command('eval')
    .description('Evaluate a checkpoint: perplexity, needle in a haystack, key-value retrieval.')
    .argument('[checkpoint]', 'folder of a checkpoint, or of a corpus with one in train/ (default: the newest out/*/train)')
    .option('--ppl', 'perplexity of held-out text, by exact-count masking')
    .option('--niah', 'needle in a haystack, over lengths and depths')
    .option('--retrieval', 'key-value retrieval on single letters: for models too small for text')
    .option('--corpus <dir>', 'whose held-out windows (default: the one the checkpoint lies in, or the newest)')
    .option('--lengths <list>', 'tokens, such as 4k,8k,32k (default: of --ppl whole documents, else to the trained length)', lengthList)
    .option('--depths <list>', 'of the needle or pair, in percent', percentList, [0, 0.25, 0.5, 0.75, 1])
    .option('--trials <n>', 'questions in a cell of the grid', countFrom1, 20)
    .option('--samples <n>', '--ppl: maskings of each piece of text', countFrom1, 128)
    .option('--pieces <n>', '--ppl: pieces of text of each length, at most', countFrom1, 32)
    .option('--pairs <list>', '--retrieval: pairs of a key and a value, such as 4,8', listOf(countFrom1), [8])
    .option('--haystack <file>', '--niah: a text instead of held-out documents')
    .option('--needle <text>', '--niah: what is hidden, with {key} and {value} in it')
    .option('--question <text>', '--niah: what stands at the end, with {key} in it')
    .option('--answer <text>', '--niah: what is to follow, with {value} in it')
    .option('--keys <list>', '--niah: for {key}, separated by commas', listOf(String))
    .option('--values <list>', '--niah: for {value} (default: numbers of seven digits)', listOf(String))
    .addOption(
      new Option('--rope <method>', 'extend RoPE to the longest of --lengths, without training').choices(ROPE_EXTENSIONS),
    )
    .option('--rope-critical <n>', 'critical dimension of that (default: from its formula)', countFrom1)
    .option('--seed <n>', 'of all draws', count, 0)
    .addOption(new Option('--backend <name>', 'use this one (default: the first that works)').choices([...BACKENDS]))
    .option('--out <dir>', 'where results and pictures go (default: CHECKPOINT/eval)')
    .option('--json', 'print one JSON object a line')
    .addHelpText(
      'after',
      `
Examples:
  train eval --ppl                                     the newest checkpoint on its corpus' held-out documents
  train eval out/books --ppl --lengths 4k,32k,128k --pieces 8 --samples 16
  train eval out/books --niah --lengths 4k,16k,64k --depths 0,50,100 --trials 5
  train eval out/retrieval --retrieval --lengths 64,256,1k --pairs 4,8

Writes ppl.json, niah.json and niah.svg, retrieval.json and retrieval.svg. docs/training.md says what is measured.`,
    )
    .action(evaluate);
} // prettier-ignore
