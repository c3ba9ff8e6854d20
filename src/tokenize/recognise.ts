import type { AddedToken, TokenizerFile } from './file.ts';

/** A split pattern the kernel has a scanner for (numbers as in kernel/scan.as.ts). */
export const PATTERNS = { gpt2: 0, cl100k: 1, o200k: 2 } as const;

/** How a file's texts become words, when the kernel can do it. */
export interface Recognised {
  readonly pattern: keyof typeof PATTERNS;
  /** Most digits in a word. */
  readonly digits: number;
  readonly nfc: boolean;
  /** A whole word that is a token is that token, whatever the merges say (Llama 3). */
  readonly ignoreMerges: boolean;
}

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const SPACES = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const OTHERS = '| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|';
const UPPER = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]';
const LOWER = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]';
const PREFIX = '[^\\r\\n\\p{L}\\p{N}]?';

/** A pattern is recognised by its text: nothing from a file ever runs as a regular expression here. */
const KNOWN: Readonly<Record<string, Pick<Recognised, 'pattern' | 'digits'>>> = {
  // GPT-2, also inside ByteLevel.
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+": { pattern: 'gpt2', digits: 0 },
  // Llama 3, cl100k (GPT-4), the sample.
  [`${CONTRACTIONS}|${PREFIX}\\p{L}+|\\p{N}{1,3}${OTHERS}${SPACES}`]: { pattern: 'cl100k', digits: 3 },
  // Qwen 2, 2.5 and 3.
  [`${CONTRACTIONS}|${PREFIX}\\p{L}+|\\p{N}${OTHERS}${SPACES}`]: { pattern: 'cl100k', digits: 1 },
  // GPT-4o.
  [`${PREFIX}${UPPER}*${LOWER}+${CONTRACTIONS}?|${PREFIX}${UPPER}+${LOWER}*${CONTRACTIONS}?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`]:
    { pattern: 'o200k', digits: 3 },
};

/** An added token that is more than its own text: the kernel looks for the text alone. */
export const looksAround = ({ lstrip, rstrip, singleWord, normalized }: AddedToken, nfc: boolean): boolean =>
  lstrip || rstrip || singleWord || (normalized && nfc);

type Part = Record<string, unknown> & { type?: string };

/** How the kernel would handle a file, or in words why it cannot. */
export function recognise({ json, modelType, added }: TokenizerFile): Recognised | string {
  const model = json.model as Part;
  if (modelType !== 'BPE') return `its model is ${modelType}`;
  if (model.byte_fallback === true) return 'it falls back to bytes, as SentencePiece does';
  if (model.dropout) return 'its merges have a dropout';
  if (model.continuing_subword_prefix || model.end_of_word_suffix) return 'its tokens have a prefix or suffix';
  const nfc = isNfc(json.normalizer as Part | null | undefined);
  if (nfc === undefined) return 'its normalizer is neither NFC nor none';
  const split = splitOf(json.pre_tokenizer as Part | null | undefined);
  if (split === undefined) return 'its split pattern is not one of GPT-2, cl100k, Llama 3, Qwen and o200k';
  const odd = added.find((token) => !token.special && looksAround(token, nfc));
  if (odd) return `its added token ${JSON.stringify(odd.content)} strips or looks around itself`;
  return { ...split, nfc, ignoreMerges: model.ignore_merges === true };
}

function isNfc(normalizer: Part | null | undefined): boolean | undefined {
  if (normalizer === null || normalizer === undefined) return false;
  if (normalizer.type === 'NFC') return true;
  const list = normalizer.normalizers;
  if (normalizer.type !== 'Sequence' || !Array.isArray(list)) return undefined;
  if (list.length === 0) return false;
  return list.length === 1 ? isNfc(list[0] as Part) : undefined;
}

function splitOf(pre: Part | null | undefined): Pick<Recognised, 'pattern' | 'digits'> | undefined {
  if (pre?.type === 'ByteLevel')
    return pre.add_prefix_space === false && pre.use_regex !== false ? { pattern: 'gpt2', digits: 0 } : undefined;
  const list = pre?.pretokenizers;
  if (pre?.type !== 'Sequence' || !Array.isArray(list) || list.length !== 2) return undefined;
  const [split, bytes] = list as [Part, Part];
  if (bytes.type !== 'ByteLevel' || bytes.add_prefix_space !== false || bytes.use_regex !== false) return undefined;
  // These patterns match every character, so keeping the matches is the same as removing what lies between them.
  const { behavior, invert } = split;
  const isolated = (behavior === 'Isolated' && invert !== true) || (behavior === 'Removed' && invert === true);
  const regex = (split.pattern as { Regex?: unknown } | undefined)?.Regex;
  return split.type === 'Split' && isolated && typeof regex === 'string' && Object.hasOwn(KNOWN, regex)
    ? KNOWN[regex]
    : undefined;
}
