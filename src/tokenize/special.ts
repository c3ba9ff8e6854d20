import { PrepError } from '../core/errors.ts';
import type { Tokenizer } from './tokenizer.ts';

/** A special token as the pipeline names it: by id or by text. Left out: looked for under its usual names. */
export interface SpecialTokens {
  readonly mask?: number | string;
  readonly bos?: number | string;
  readonly eos?: number | string;
  readonly pad?: number | string;
}

/** LLaDA's, then Llama 3's, Qwen's, GPT-2's, BERT's, SentencePiece's and the sample's. */
const USUAL = {
  mask: ['<|mdm_mask|>', '<|mask|>', '[MASK]', '<mask>', '<|MASK|>'],
  bos: ['<|startoftext|>', '<|begin_of_text|>', '<|bos|>', '<s>', '[CLS]', '<bos>'],
  eos: ['<|endoftext|>', '<|end_of_text|>', '<|eos|>', '</s>', '[SEP]', '<eos>', '<|im_end|>'],
  pad: ['<|pad|>', '<pad>', '[PAD]', '<|finetune_right_pad_id|>'],
} as const;

/**
 * The ids with a meaning. Without a mask token the next free id becomes one (a Llama or Qwen model has to grow its
 * embedding by that row); without a padding token the end token pads, as in LLaDA: padding is known by offset.
 */
export function resolveSpecialIds(tokenizer: Tokenizer, given: SpecialTokens) {
  const find = (role: keyof typeof USUAL): number | null => {
    const named = given[role];
    if (typeof named === 'number') {
      if (tokenizer.isOrdinary(named))
        throw new PrepError(
          'CONFIG_INVALID',
          `special_tokens.${role}: id ${named} is an ordinary token, which documents are full of; give an added token or an id from ${tokenizer.size}`,
          { field: `special_tokens.${role}` },
        );
      return named;
    }
    if (named !== undefined) {
      const id = tokenizer.idOf(named);
      if (id !== undefined) return id;
      throw new PrepError(
        'CONFIG_INVALID',
        `special_tokens.${role}: the tokenizer has no token ${JSON.stringify(named)}; give another text or an id`,
        { field: `special_tokens.${role}` },
      );
    }
    for (const token of USUAL[role]) {
      const id = tokenizer.idOf(token);
      if (id !== undefined) return id;
    }
    return null;
  };
  const eos = find('eos');
  const mask = find('mask') ?? tokenizer.size;
  const bos = find('bos');
  const pad = find('pad') ?? eos ?? 0;
  if (mask === eos || mask === bos || mask === pad)
    throw new PrepError(
      'CONFIG_INVALID',
      `special_tokens.mask: id ${mask} is also bos, eos or pad; a masked token must be recognisable, give it an id of its own`,
      { field: 'special_tokens.mask' },
    );
  const ids = { mask, bos, eos, pad };
  const vocabSize = Math.max(tokenizer.size, ...Object.values(ids).map((id) => (id ?? 0) + 1));
  return { specialIds: ids, vocabSize };
}
