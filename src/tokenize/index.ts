import { sha256Hex } from '../core/fingerprint.ts';
import { type Engine, kernelEngine } from './engine.ts';
import { parseTokenizerFile, type TokenizerFile } from './file.ts';
import { buildImage } from './image.ts';
import { libraryEngine } from './library.ts';
import { recognise } from './recognise.ts';
import type { Tokenizer } from './tokenizer.ts';

export { type Tokenizer, tokenizeStage } from './tokenizer.ts';
export { resolveSpecialIds, type SpecialTokens } from './special.ts';

/** Loads a `tokenizer.json`; `name` is its path for messages. Throws TOKENIZER_INVALID. */
export function loadTokenizer(bytes: Uint8Array, name: string): Tokenizer {
  const file = parseTokenizerFile(bytes, name);
  const engine = engineOf(file, name);
  const special = new Map(file.added.filter((token) => token.special).map(({ id, content }) => [id, content]));
  return {
    sha256: sha256Hex(bytes),
    engine: engine.name,
    size: file.size,
    idOf: (token) => file.ids.get(token),
    encode: (text) => engine.encode(text),
    decode(ids) {
      // Special tokens are hidden from the engine: decode the runs between them.
      let text = '';
      let run: number[] = [];
      const flush = () => {
        if (run.length > 0) text += engine.decode(run);
        run = [];
      };
      for (const id of ids) {
        const token = special.get(id);
        if (token === undefined) run.push(id);
        else {
          flush();
          text += token;
        }
      }
      flush();
      return text;
    },
  };
}

/** The kernel where it can, the library for everything else. */
function engineOf(file: TokenizerFile, name: string): Engine {
  const how = recognise(file);
  if (typeof how === 'string') return libraryEngine(file, name, how);
  const image = buildImage(file, how);
  return image ? kernelEngine(file, how, image) : libraryEngine(file, name, 'some byte has no token');
}
