import { type Command, Option } from 'commander';
import { usageError } from '../../core/errors.ts';
import { MAX_METADATA_BYTES } from '../../core/limits.ts';
import { readAll } from '../../io/files.ts';
import {
  BACKENDS,
  chooseBackend,
  fillIn,
  findCheckpoint,
  type Gapped,
  gapped,
  openCheckpoint,
  REMASKING,
  type Remasking,
  SAMPLE,
  type SampleSettings,
  withCheckpoint,
} from '../../train/index.ts';
import { stopSignal } from '../command.ts';
import { duration, integer, safe } from '../format.ts';
import { count, countFrom1, notNegative } from './numbers.ts';

interface SampleFlags {
  prompt?: string;
  promptFile?: string;
  infill?: string;
  length: number;
  blockLength: number;
  steps?: number;
  remasking: Remasking;
  temperature: number;
  seed: number;
  allowEnd?: boolean;
  backend?: string;
  json?: boolean;
}

const LENGTH = 128;
/** A longer prompt than any window. */
const MAX_PROMPT_BYTES = MAX_METADATA_BYTES;

async function textOf({ prompt, promptFile, infill }: SampleFlags): Promise<{ text: string; gaps: boolean }> {
  const given = { '--prompt': prompt, '--prompt-file': promptFile, '--infill': infill };
  const names = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : name));
  if (names.length > 1) throw usageError(`${names.join(' and ')} do not go together`);
  if (infill !== undefined) return { text: infill, gaps: true };
  if (promptFile === undefined) return { text: prompt ?? '', gaps: false };
  return { text: new TextDecoder().decode(await readAll(promptFile, MAX_PROMPT_BYTES)), gaps: false };
}

/** A prompt, with all that is asked for behind it as one gap. */
function continued(prompt: Int32Array, length: number): Gapped {
  const ids = new Int32Array(prompt.length + length);
  ids.set(prompt);
  return { ids, open: Int32Array.from({ length }, (_, i) => prompt.length + i) };
}

async function sample(given: string | undefined, flags: SampleFlags): Promise<void> {
  const note = (text: string): void => void (flags.json || process.stderr.write(`note   ${safe(text)}\n`));
  const signal = stopSignal();
  const { text, gaps } = await textOf(flags);
  const dir = await findCheckpoint(given);
  const { config, tokenizer } = await openCheckpoint(dir);
  const prompt = gaps ? undefined : tokenizer.encode(new TextEncoder().encode(text));
  const row = prompt ? continued(prompt, flags.length) : gapped(text, tokenizer);
  const settings: SampleSettings = {
    blockLength: flags.blockLength,
    steps: flags.steps ?? row.open.length,
    remasking: flags.remasking,
    temperature: flags.temperature,
    seed: flags.seed,
    allowEnd: flags.allowEnd ?? false,
    vocabulary: tokenizer.size,
  };
  const blocks = Math.ceil(row.open.length / settings.blockLength);
  if (settings.steps < blocks)
    throw usageError(`--steps ${settings.steps}: ${blocks} blocks take a step each at least; raise --block-length`);
  const { name } = await chooseBackend(flags.backend ?? null);
  if (row.ids.length > config.maxSequenceLength)
    note(`${row.ids.length} tokens; the model was trained on windows of ${config.maxSequenceLength}`);
  const started = performance.now();
  const filled = await withCheckpoint(dir, config, (model) => fillIn(row.ids, row.open, model, settings, signal));
  const seconds = (performance.now() - started) / 1000;
  const ids = textEnd(prompt ? filled.subarray(prompt.length) : filled, config.eosTokenId, settings.allowEnd);
  const written = tokenizer.decode(ids);
  if (flags.json) {
    const about = { checkpoint: dir, backend: name, ...settings, tokens: row.open.length, seconds };
    process.stdout.write(`${JSON.stringify({ ...(gaps ? { infill: text } : { prompt: text }), text: written, ids: [...ids], ...about })}\n`); // prettier-ignore
    return;
  }
  // Nothing that a model writes may steer the terminal.
  process.stdout.write(`${written.split('\n').map(safe).join('\n')}\n`);
  note(`${integer(row.open.length)} tokens by ${dir} on ${name} in ${duration(seconds)}`);
}

/** What stands before the end token, where the model may write one. */
function textEnd(ids: Int32Array, end: number | null, allowed: boolean): Int32Array {
  const at = allowed && end !== null ? ids.indexOf(end) : -1;
  return at < 0 ? ids : ids.subarray(0, at);
}

/** `train sample [CHECKPOINT]` */
export function sampleCommand(program: Command): void {
  program
    .command('sample')
    .description('Write text with a checkpoint, from masks: behind a prompt, or into gaps.')
    .argument('[checkpoint]', 'folder of a checkpoint, or of a corpus with one in train/ (default: the newest out/*/train)')
    .option('--prompt <text>', 'text to go on from (default: none)')
    .option('--prompt-file <file>', 'the same, from a file')
    .option('--infill <text>', 'text with gaps: <mask:12> is one of twelve tokens, <mask> one of one')
    .option('--length <tokens>', 'tokens to write behind the prompt', countFrom1, LENGTH)
    .option('--block-length <tokens>', 'masked tokens denoised together, from left to right', countFrom1, SAMPLE.blockLength)
    .option('--steps <n>', 'denoising steps over all blocks (default: one a token)', countFrom1)
    .addOption(new Option('--remasking <which>', 'tokens of a step that are kept: the most probable, or any').choices(REMASKING).default(SAMPLE.remasking))
    .option('--temperature <t>', '0: the likeliest token; 1: as the model has it', notNegative, SAMPLE.temperature)
    .option('--seed <n>', 'the same seed, the same text', count, SAMPLE.seed)
    .option('--allow-end', 'let the model end its text; what it writes behind the end is cut off')
    .addOption(new Option('--backend <name>', 'use this one (default: the first that works)').choices([...BACKENDS]))
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  train sample --prompt 'Emma Woodhouse, handsome, clever, and rich,' --temperature 0.7
  train sample out/books --prompt-file chapter.txt --length 256 --steps 64
  train sample --infill 'It is a truth <mask:6>, that a single man <mask:12> must be in want of a wife.'

Of K masks in a block of S steps, K/S are kept a step (LLaDA's sampler); fewer steps are faster, and worse.`,
    )
    .action(sample);
} // prettier-ignore
