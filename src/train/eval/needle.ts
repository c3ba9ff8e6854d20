import { usageError } from '../../core/errors.ts';
import type { Tokenizer } from '../../tokenize/index.ts';
import type { Draws } from './draws.ts';

/** Texts with `{key}` and `{value}` in them. */
export interface NeedleForm {
  /** What is hidden. */
  readonly needle: string;
  /** What stands at the end; the answer follows. */
  readonly question: string;
  readonly answer: string;
  readonly keys: readonly string[];
  /** null: numbers of seven digits. */
  readonly values: readonly string[] | null;
}

/** RULER's needle (arXiv 2404.06654), with keys that no novel is without a few of. */
export const NEEDLE: NeedleForm = {
  needle: '\nOne of the special magic numbers for {key} is: {value}.\n',
  question:
    '\nWhat is the special magic number for {key} mentioned in the text? The special magic number for {key} mentioned in the text is:',
  answer: ' {value}',
  keys: [
    'accordion', 'apricot', 'barometer', 'cactus', 'dragonfly', 'eucalyptus', 'flamingo', 'gondola', 'harpoon', 'igloo', 'juniper',
    'kangaroo', 'lighthouse', 'mandolin', 'nutmeg', 'ocelot', 'pelican', 'quartz', 'rhubarb', 'saxophone', 'tambourine', 'ukulele',
    'volcano', 'walrus', 'xylophone', 'zeppelin',
  ], // prettier-ignore
  values: null,
};

/** USAGE where a text lacks what it must name. */
export function checkForm({ needle, question, answer, keys, values }: NeedleForm): void {
  const needs: readonly (readonly [string, string, string])[] = [
    ['--needle', needle, '{key}'],
    ['--needle', needle, '{value}'],
    ['--question', question, '{key}'],
    ['--answer', answer, '{value}'],
  ];
  for (const [flag, text, part] of needs)
    if (!text.includes(part)) throw usageError(`${flag}: the text has no ${part}`);
  if (keys.length === 0 || keys.includes('')) throw usageError('--keys: name at least one');
  if (values !== null && (values.length === 0 || values.includes(''))) throw usageError('--values: name at least one');
}

/** A needle and its question as ids. */
export interface Needle {
  readonly needle: Int32Array;
  readonly question: Int32Array;
  readonly answer: Int32Array;
  /** The answer as it must read. */
  readonly value: string;
}

export function needleOf(form: NeedleForm, key: string, draws: Draws, tokenizer: Pick<Tokenizer, 'encode'>): Needle {
  const value = form.values
    ? form.values[draws.below(form.values.length)]!
    : String(1_000_000 + draws.below(9_000_000));
  const encode = (text: string): Int32Array =>
    tokenizer.encode(new TextEncoder().encode(text.replaceAll('{key}', key).replaceAll('{value}', value)));
  return { needle: encode(form.needle), question: encode(form.question), answer: encode(form.answer), value };
}
