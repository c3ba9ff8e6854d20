// Hugging Face's Rust library, by its own binding: documents are strings, as it takes them; ids stay in the Encoding
// objects, on the Rust side, and are not fetched within the time. Threads are Rayon's.
import { readFileSync } from 'node:fs';

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
export const input = (bytes) => utf8.decode(bytes.slice());

export async function start({ model, option, documents: { list } }) {
  const { Tokenizer } = await import('tokenizers');
  const tokenizer = Tokenizer.fromString(readFileSync(model, 'utf8'));
  const options = { addSpecialTokens: false };
  await tokenizer.encode('hello', null, options);
  let made = [];
  return {
    version: versionOf('tokenizers'),
    async pass() {
      made = [];
      if (option === 'batch') made = await tokenizer.encodeBatch(list, options);
      else for (const document of list) made.push(await tokenizer.encode(document, null, options));
    },
    ids: (indices) => indices.map((i) => Int32Array.from(made[i].getIds())),
  };
}

export const versionOf = (name) =>
  JSON.parse(readFileSync(new URL(`../../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;
