import type { Batch } from '../core/batch.ts';
import type { Document, TokenRun } from '../core/document.ts';
import { fingerprint } from '../core/fingerprint.ts';
import type { Stage } from '../core/stage.ts';
import type { TokenEnds } from '../core/token-ends.ts';
import { SpecialTokenFound } from './added.ts';
import type { SpecialMode } from './engine.ts';
import { WordTooLong } from './kernel.ts';

/** How texts are encoded; the defaults are what a corpus wants. */
export interface EncodeOptions {
  /** Text of a special token inside a document: plain text (default), the token itself, or a reason to reject it. */
  readonly specialTokens: SpecialMode;
  /** Puts the file's template around each text, as `add_special_tokens=True` does. */
  readonly template: boolean;
}

/** A `tokenizer.json`, loaded: ids equal to Hugging Face's `tokenizers`. */
export interface Tokenizer {
  /** SHA-256 of the file. */
  readonly sha256: string;
  /** Which engine encodes, for people: `prep --explain` shows it. */
  readonly engine: string;
  /** Largest id + 1, added tokens included. */
  readonly size: number;
  readonly options: EncodeOptions;
  /** The id of a token by its text, added tokens included. */
  idOf(token: string): number | undefined;
  /** Whether an id is that of a token which the text of documents becomes: not an added one, not a free one. */
  isOrdinary(id: number): boolean;
  /** Valid UTF-8 to [tokens] ids. Throws SpecialTokenFound where special tokens are refused, and WordTooLong. */
  encode(text: Uint8Array): Int32Array;
  /** A document with its prompt: tokens end where the prompt does; what a chat template wrote may hold special tokens. */
  encodeDocument(document: Pick<Document, 'text' | 'prompt'>): { ids: Int32Array; promptTokens: number };
  /** The same of a text that comes in pieces, in bounded memory; the runs together are what `encode` gives. */
  encodeStream(pieces: Iterable<Uint8Array>): Iterable<Int32Array>;
  /** What the text of a token says about cutting there. */
  readonly tokenEnds: TokenEnds;
  /** Ids to text; special tokens appear as their text. */
  decode(ids: Int32Array): string;
}

/** documents -> token runs. */
export function tokenizeStage(tokenizer: Tokenizer): Stage<Document, TokenRun> {
  return {
    name: 'tokenize',
    fingerprint: fingerprint({ stage: 'tokenize', tokenizer: tokenizer.sha256, ...tokenizer.options }),
    async *run(input, context): AsyncGenerator<Batch<TokenRun>> {
      for await (const { items, cursor } of input) {
        const runs: TokenRun[] = [];
        for (const document of items) {
          try {
            const { ids, promptTokens } = tokenizer.encodeDocument(document);
            runs.push({ document, ids, promptTokens });
          } catch (error) {
            if (!(error instanceof SpecialTokenFound || error instanceof WordTooLong)) throw error;
            const { input: file, record, start } = document.origin;
            const reject = { input: file, record, line: null, offset: start };
            context.reject({
              ...reject,
              reason: error instanceof WordTooLong ? 'word-too-long' : 'special-token',
              detail: error.message,
            });
          }
        }
        context.progress({ tokens: runs.reduce((sum, { ids }) => sum + ids.length, 0) });
        yield { items: runs, cursor };
      }
    },
  };
}
