import { sha256Hex } from '../core/fingerprint.ts';
import { parseTokenizerFile } from './file.ts';
import { libraryEngine } from './library.ts';
import type { Tokenizer } from './tokenizer.ts';

export { type Tokenizer, tokenizeStage } from './tokenizer.ts';
export { resolveSpecialIds, type SpecialTokens } from './special.ts';

/** Loads a `tokenizer.json`; `name` is its path for messages. Throws TOKENIZER_INVALID. */
export function loadTokenizer(bytes: Uint8Array, name: string): Tokenizer {
  const file = parseTokenizerFile(bytes, name);
  const engine = libraryEngine(file, name);
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return {
    sha256: sha256Hex(bytes),
    engine: engine.name,
    size: file.size,
    idOf: (token) => file.ids.get(token),
    encode: (text) => engine.encode(decoder.decode(text)),
    decode(ids) {
      // Special tokens were hidden from the engine: decode the runs between them.
      let text = '';
      let run: number[] = [];
      const flush = () => {
        if (run.length > 0) text += engine.decode(run);
        run = [];
      };
      for (const id of ids) {
        const special = file.special.get(id);
        if (special === undefined) run.push(id);
        else {
          flush();
          text += special;
        }
      }
      flush();
      return text;
    },
  };
}
