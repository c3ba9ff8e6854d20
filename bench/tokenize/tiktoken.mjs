// tiktoken's WASM with the same vocabulary and pattern: documents are strings, ids a Uint32Array a document.
import { readFileSync } from 'node:fs';
import { input, versionOf } from './huggingface.mjs';

export { input };

export async function start({ model, documents: { list } }) {
  const { Tiktoken } = await import('tiktoken/lite');
  const { ranks, pattern } = JSON.parse(readFileSync(model, 'utf8'));
  const tokenizer = new Tiktoken(ranks, {}, pattern);
  tokenizer.encode_ordinary('hello');
  let made = [];
  return {
    version: versionOf('tiktoken'),
    pass() {
      made = [];
      for (const document of list) made.push(tokenizer.encode_ordinary(document));
    },
    ids: (indices) => indices.map((i) => made[i]),
  };
}
