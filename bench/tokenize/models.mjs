import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const GPT2_PATTERN = String.raw`'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
/** quicktok brings its own vocabularies; ours is recognised by its size, and the ids are compared. */
const QUICKTOK = {
  151643: 'qwen3',
  128000: 'llama3',
  199998: 'o200k_base',
  200000: 'o200k_base',
  100256: 'cl100k_base',
};

/**
 * The tokenizer file as each engine takes it, written to `folder`. Ours gets the file as it is, and treats the text of
 * special tokens as plain text; the reference's binding for Node cannot be told to, so the peers get a copy without them.
 */
export function prepareModels(path, folder) {
  const bytes = readFileSync(path);
  const json = JSON.parse(bytes.toString());
  const special = new Set((json.added_tokens ?? []).filter((token) => token.special).map((token) => token.id));
  const plain = join(folder, 'tokenizer.json');
  const added = (json.added_tokens ?? []).filter((token) => !token.special);
  writeFileSync(plain, JSON.stringify({ ...json, added_tokens: added, post_processor: null }));
  const size = Object.keys(json.model?.vocab ?? {}).length;
  return {
    sha256: createHash('sha256').update(bytes).digest('hex'),
    vocabulary: size,
    original: path,
    plain,
    tiktoken: writeTiktoken(json, special, join(folder, 'tiktoken.json')),
    quicktok: QUICKTOK[size],
  };
}

/** The same model as tiktoken takes it: ranks are ids, NFC is not done. Undefined when it is no such model. */
function writeTiktoken(json, special, path) {
  const pattern = patternOf(json.pre_tokenizer);
  if (json.model?.type !== 'BPE' || pattern === undefined) return undefined;
  const byteOf = byteLevelAlphabet();
  const lines = [];
  for (const [token, id] of Object.entries(json.model.vocab)) {
    if (special.has(id)) continue;
    const bytes = [...token].map((char) => byteOf.get(char));
    if (bytes.includes(undefined)) return undefined;
    lines.push([id, Buffer.from(bytes).toString('base64')]);
  }
  lines.sort((a, b) => a[0] - b[0]);
  const ranks = lines.map(([id, token]) => `! ${id} ${token}`).join('\n');
  writeFileSync(path, JSON.stringify({ ranks, pattern }));
  return path;
}

function patternOf(preTokenizer) {
  const parts = preTokenizer?.type === 'Sequence' ? preTokenizer.pretokenizers : [preTokenizer];
  const split = parts.find((part) => part?.type === 'Split');
  if (split) return split.pattern?.Regex;
  return parts.some((part) => part?.type === 'ByteLevel' && part.use_regex !== false) ? GPT2_PATTERN : undefined;
}

/** GPT-2's printable stand-ins for bytes. */
function byteLevelAlphabet() {
  const byteOf = new Map();
  let extra = 256;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    byteOf.set(String.fromCodePoint(printable ? byte : extra++), byte);
  }
  return byteOf;
}
