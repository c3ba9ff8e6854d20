import type { TokenRun, Document } from '../core/document.ts';
import { mapFlow } from '../core/batch.ts';
import { fingerprint } from '../core/fingerprint.ts';
import type { Stage } from '../core/stage.ts';

/** A `tokenizer.json`, loaded: ids equal to Hugging Face's `tokenizers` with `add_special_tokens=False`. */
export interface Tokenizer {
  /** SHA-256 of the file. */
  readonly sha256: string;
  /** Which engine encodes, for people: `prep inspect` shows it. */
  readonly engine: string;
  /** Largest id + 1, added tokens included. */
  readonly size: number;
  /** The id of a token by its text, added tokens included. */
  idOf(token: string): number | undefined;
  /** UTF-8 to [tokens] ids. Adds no special token; the text of a special token in a document stays plain text. */
  encode(text: Uint8Array): Int32Array;
  /** Ids to text; special tokens appear as their text. */
  decode(ids: Int32Array): string;
}

/** documents -> token runs. */
export function tokenizeStage(tokenizer: Tokenizer): Stage<Document, TokenRun> {
  return {
    name: 'tokenize',
    fingerprint: fingerprint({ stage: 'tokenize', tokenizer: tokenizer.sha256, specialTokens: 'text' }),
    run: (input, context) =>
      mapFlow(input, (document) => {
        const ids = tokenizer.encode(document.text);
        context.progress({ tokens: ids.length });
        return { document, ids };
      }),
  };
}
