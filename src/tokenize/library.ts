import { constants } from 'node:buffer';
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { messageOf, tokenizerInvalid } from '../core/errors.ts';
import { type Literal, LiteralFinder } from './added.ts';
import type { Engine, SpecialMode } from './engine.ts';
import { WordTooLong } from './kernel.ts';
import type { ForeignModel } from './model.ts';
import { gathering } from './stream.ts';

const LIBRARY = '@huggingface/tokenizers';

/** Told the bytes of a text before it is encoded, and 0 after. */
export type Watch = (bytes: number) => void;

/**
 * Hugging Face's own JavaScript tokenizer, for what the kernel does not do: every model type, about 1 MB/s a core. Unless
 * special tokens are to be parsed they are taken out of the file before it is loaded, which makes their text in a
 * document plain text (the Rust library's `encode_special_tokens=True`): a corpus must not be able to write a mask or an
 * end-of-document token.
 */
export function libraryEngine(model: ForeignModel, special: SpecialMode, watch: Watch): Engine {
  const { json, added, name, why } = model;
  const list = (json.added_tokens ?? []) as { special?: boolean }[];
  const kept = special === 'parse' ? list : list.filter((token) => token.special !== true);
  let library: LibraryTokenizer;
  try {
    library = new LibraryTokenizer({ ...json, added_tokens: kept }, {});
  } catch (error) {
    throw tokenizerInvalid(name, '', `cannot be loaded (${messageOf(error)})`);
  }
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  const refused = special === 'reject' ? added.filter((token) => token.special) : [];
  const finder = new LiteralFinder(
    refused.map(({ id, content }): Literal => ({ id, bytes: new TextEncoder().encode(content), refused: true })),
  );
  const encode = (text: Uint8Array): Int32Array => {
    if (text.length > constants.MAX_STRING_LENGTH)
      throw new WordTooLong(`${text.length} bytes, more than the ${constants.MAX_STRING_LENGTH} that ${LIBRARY} takes`);
    if (!finder.empty) for (const _ of finder.split(text));
    watch(text.length);
    try {
      return Int32Array.from(library.encode(utf8.decode(text), { add_special_tokens: false }).ids);
    } catch (error) {
      // The library looks at some settings only now.
      throw tokenizerInvalid(name, '', `cannot encode (${messageOf(error)})`);
    } finally {
      watch(0);
    }
  };
  const decode: Engine['decode'] = (run) =>
    library.decode([...run], { skip_special_tokens: false, clean_up_tokenization_spaces: false });
  const letter = model.ids.get('a') ?? 0;
  const before = decode([letter]).length;
  return {
    name: `${LIBRARY}, since ${why}`,
    encode,
    // No pieces here: what a pattern of a file does at a cut cannot be known.
    open: () => gathering(encode),
    decode,
    // After another token: at the start of a text the library leaves out the space that a token may begin with.
    bytesOf: (id) => new TextEncoder().encode(decode([letter, id]).slice(before)),
    idOf: (token) => model.ids.get(token),
    has: (id) => [...model.ids.values()].includes(id),
  };
}
