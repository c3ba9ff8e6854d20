import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { messageOf, tokenizerInvalid } from '../core/errors.ts';
import type { Engine } from './engine.ts';
import type { TokenizerFile } from './file.ts';

/**
 * Hugging Face's own JavaScript tokenizer: every model type, about 1 MB/s a core. Special tokens are taken out of the
 * file before it is loaded, which makes their text in a document plain text (the Rust library's
 * `encode_special_tokens=True`): a corpus must not be able to write a mask or an end-of-document token. `why` is why the
 * kernel does not do it.
 */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

export function libraryEngine(file: TokenizerFile, name: string, why: string): Engine {
  const added = (file.json.added_tokens ?? []) as { special?: boolean }[];
  const json = { ...file.json, added_tokens: added.filter((token) => token.special !== true) };
  let library: LibraryTokenizer;
  try {
    library = new LibraryTokenizer(json, {});
  } catch (error) {
    throw tokenizerInvalid(name, '', `cannot be loaded (${messageOf(error)})`);
  }
  return {
    name: `@huggingface/tokenizers (${why})`,
    encode: (text) => Int32Array.from(library.encode(utf8.decode(text), { add_special_tokens: false }).ids),
    decode: (ids) => library.decode([...ids], { skip_special_tokens: false, clean_up_tokenization_spaces: false }),
  };
}
