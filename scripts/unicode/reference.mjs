/**
 * Reads Unicode properties off the reference: Hugging Face's Rust `tokenizers`, through its Node binding. Its two
 * crates carry tables of two Unicode versions, and neither says which; so nothing here trusts a version number.
 */
import { Tokenizer, nfcNormalizer, nfdNormalizer } from 'tokenizers';

/** Every code point but the surrogates: Rust strings cannot hold those. */
export const CODE_POINTS = Array.from({ length: 0x110000 }, (_, codePoint) => codePoint).filter(
  (codePoint) => codePoint < 0xd800 || codePoint > 0xdfff,
);

/** `splitPreTokenizer` of the binding takes its pattern literally; a regex only comes in through a tokenizer's JSON. */
function regexSplit(regex) {
  const tokenizer = Tokenizer.fromString(
    JSON.stringify({
      version: '1.0',
      added_tokens: [],
      pre_tokenizer: { type: 'Split', pattern: { Regex: regex }, behavior: 'Removed', invert: false },
      model: { type: 'BPE', vocab: {}, merges: [] },
    }),
  );
  return (text) => tokenizer.getPreTokenizer().preTokenizeString(text);
}

/** The code points that `regex` matches, each tried among 4096 others. What is left after removing matches is not it. */
export function matching(regex) {
  const split = regexSplit(regex);
  const unmatched = new Set();
  for (let from = 0; from < CODE_POINTS.length; from += 4096)
    for (const [piece] of split(String.fromCodePoint(...CODE_POINTS.slice(from, from + 4096))))
      for (const character of piece) unmatched.add(character.codePointAt(0));
  return new Set(CODE_POINTS.filter((codePoint) => !unmatched.has(codePoint)));
}

/** Of `texts`, those in which `regex` matches anything: `Removed` leaves no one piece equal to the text. */
export function textsMatching(regex, texts) {
  const split = regexSplit(regex);
  const untouched = (text) => split(text)[0]?.[0] === text;
  const out = [];
  for (let from = 0; from < texts.length; from += 2048) {
    const some = texts.slice(from, from + 2048);
    // Most of the time none does, and one call for 2048 shows it.
    if (!untouched(some.join('\n'))) out.push(...some.filter((text) => !untouched(text)));
  }
  return out;
}

/** A call for each text costs ten times the work in it, so texts travel 2048 at a time, newlines between. */
function normalizer(rust) {
  return (texts) => {
    const out = [];
    for (let from = 0; from < texts.length; from += 2048)
      out.push(...rust.normalizeString(texts.slice(from, from + 2048).join('\n')).split('\n'));
    if (out.length !== texts.length) throw new Error('a text holds a newline');
    return out;
  };
}

export const nfcOf = normalizer(nfcNormalizer());
export const nfdOf = normalizer(nfdNormalizer());
