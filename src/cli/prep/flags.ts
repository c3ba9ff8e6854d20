import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { POLICY_NAMES } from '../../mask/index.ts';
import { LONG_DOCUMENT_NAMES, METHOD_NAMES, type Overrides, type Pipeline, quantity } from '../../config/index.ts';

export const number = (text: string): number => {
  if (text.trim() === '') throw new InvalidArgumentError('expected a number.');
  const value = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : quantity(text) || Number(text);
  if (!Number.isFinite(value)) throw new InvalidArgumentError('expected a number.');
  return value;
};
export const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const value = number(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`expected a whole number, ${least} to ${most}.`);
  };
export const leastProbability = (text: string): number => {
  const value = number(text);
  if (value > 0 && value <= 0.5) return value;
  throw new InvalidArgumentError('expected more than 0 and at most 0.5.');
};
/** Of something that is to be looked at: none of it would say nothing. */
export const sample = (text: string): number => {
  const value = number(text);
  if (value > 0 && value <= 1) return value;
  throw new InvalidArgumentError('expected a share of more than 0, such as 0.05 or 5%, and at most 1 or 100%.');
};
export const share = (text: string): number => {
  const value = number(text);
  if (value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('expected a share, 0 to 1 or 0% to 100%.');
};

/** What a plan is made of, by `prep`, `prep plan` and `prep pack FILES`. */
export interface PlanFlags {
  name?: string;
  out?: string;
  tokenizer?: string;
  window?: string;
  policy?: Pipeline['policy'];
  groupField?: string;
  diffusionBlock?: number;
  packing?: string;
  longDocuments?: string;
  minSegment?: string;
  longShare?: number;
  shuffle?: boolean;
  validation?: number;
  seed?: number;
  minTokens?: number;
  maxTokens?: number;
  duplicates?: Pipeline['mixture']['duplicates'];
  filter?: string;
  specialText?: Pipeline['specialText'];
  template?: boolean;
  field?: string;
  idField?: string;
  format?: Pipeline['records']['format'];
  promptField?: string;
  responseField?: string;
  messagesField?: string;
  chatTemplate?: string;
  passes?: number;
  batchWindows?: number;
  eps?: number;
  maxRejects?: number;
  splitBytes?: string;
  overwrite?: boolean;
  json?: boolean;
}

/** What a run needs besides. */
export interface RunFlags extends PlanFlags {
  workers: number;
  explain?: boolean;
}

/** The settings, each in place of the pipeline's. */
export const withPlanFlags = (command: Command): Command =>
  command
    .option('--out <dir>', 'corpus folder (default: out/<name>)')
    .option('--tokenizer <file>', 'tokenizer.json of a Hugging Face fast tokenizer')
    .option('--window <tokens>', 'window length, such as 4096, 32k or 128k')
    .addOption(new Option('--policy <name>', 'what a token may attend to').choices(POLICY_NAMES))
    .option('--group-field <path>', 'field with what a document belongs to: those of one are packed side by side')
    .option('--diffusion-block <tokens>', 'under --policy block-diffusion (default: 32)', wholeNumber(1, 2 ** 20))
    .addOption(
      new Option('--packing <method>', 'how documents become windows (default: best-fit)').choices(METHOD_NAMES),
    )
    .addOption(new Option('--long-documents <what>', 'for documents longer than a window').choices(LONG_DOCUMENT_NAMES))
    .option('--min-segment <tokens>', 'drop documents and remainders shorter than this')
    .option('--shuffle', 'pack the documents of a split in a seeded order')
    .option('--long-share <share>', 'share of tokens in documents longer than a window, the rest dropped', number)
    .option('--validation <share>', 'share of documents held out, such as 0.01 or 1%', number)
    .option('--min-tokens <n>', 'drop shorter documents', number)
    .option('--max-tokens <n>', 'drop longer documents', number)
    .addOption(
      new Option('--duplicates <what>', 'for documents with the text of an earlier one').choices(['keep', 'drop']),
    )
    .option('--filter <module>', 'a module that says of each document whether it stays')
    .option('--seed <n>', 'seed of every draw', number)
    .addOption(
      new Option('--special-text <mode>', 'text of a special token in a document (default: text)').choices([
        'text',
        'parse',
        'reject',
      ]),
    )
    .option('--template', 'put the tokenizer’s template around each document')
    .option('--field <path>', 'field or column with the text (default: text)')
    .option('--id-field <path>', 'field with the record id (default: id)')
    .addOption(
      new Option('--format <what>', 'what a record is (default: text)').choices([
        'text',
        'prompt-response',
        'messages',
      ]),
    )
    .option('--prompt-field <path>', 'field with the prompt (default: prompt)')
    .option('--response-field <path>', 'field with the response (default: response)')
    .option('--messages-field <path>', 'field with the messages (default: messages)')
    .option('--chat-template <file>', 'chat template in Jinja (default: the one beside the tokenizer)')
    .option('--passes <n>', 'passes of noise', number)
    .option('--batch-windows <n>', 'windows in an optimizer batch', number)
    .option('--eps <p>', 'least mask probability', number)
    .option('--split-bytes <size>', 'bytes of input in a split, the unit of work and resume (default: auto)')
    .option('--max-rejects <share>', 'share of records that may be rejected before the run stops', number)
    .option('--overwrite', 'start over where the folder holds another plan')
    .option('--json', 'print JSON lines instead of text');

export const withWorkers = (command: Command): Command =>
  command.option(
    '-j, --workers <n>',
    'worker threads; never changes a byte',
    wholeNumber(1, 1024),
    availableParallelism(),
  );

/** The flags that `prep` and `prep pack` share. */
export const withRunFlags = (command: Command): Command =>
  withWorkers(withPlanFlags(command)).option('--explain', 'print the stages with their fingerprints and stop');

/** `"4096"` as a number, `"4k"` as it is. */
const wholeOrText = (text: string): number | string => (/^\d+$/.test(text) ? Number(text) : text);

export function overridesOf(flags: PlanFlags): Overrides {
  const groups = {
    packing: given({
      method: flags.packing,
      long_documents: flags.longDocuments,
      min_segment: flags.minSegment === undefined ? undefined : wholeOrText(flags.minSegment),
      long_share: flags.longShare,
      shuffle: flags.shuffle,
    }),
    noise: given({ passes: flags.passes, batch_windows: flags.batchWindows, eps: flags.eps }),
    limits: given({ reject_share: flags.maxRejects }),
  };
  return {
    ...given({
      out: flags.out,
      tokenizer: flags.tokenizer,
      window: flags.window === undefined ? undefined : wholeOrText(flags.window),
      policy: flags.policy,
      group_field: flags.groupField,
      diffusion_block: flags.diffusionBlock,
      validation: flags.validation,
      seed: flags.seed,
      min_tokens: flags.minTokens,
      max_tokens: flags.maxTokens,
      duplicates: flags.duplicates,
      filter: flags.filter,
      special_text: flags.specialText,
      template: flags.template,
      text_field: flags.field,
      id_field: flags.idField,
      format: flags.format,
      prompt_field: flags.promptField,
      response_field: flags.responseField,
      messages_field: flags.messagesField,
      chat_template: flags.chatTemplate,
      split_bytes: flags.splitBytes,
    }),
    ...Object.fromEntries(Object.entries(groups).filter(([, group]) => Object.keys(group).length > 0)),
  } as Overrides;
}

/** Only the settings that were given. */
export const given = <T extends object>(settings: T): Partial<T> =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as Partial<T>;
