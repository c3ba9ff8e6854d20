import type { Batch } from '../core/batch.ts';
import type { Document, LongText, TokenRun } from '../core/document.ts';
import { fingerprint } from '../core/fingerprint.ts';
import type { Spool, Stage, StageContext } from '../core/stage.ts';
import type { TokenEnds } from '../core/token-ends.ts';
import { SpecialTokenFound } from './added.ts';
import type { SpecialMode } from './engine.ts';
import { concatIds, WordTooLong } from './kernel.ts';
import type { OpenStream } from './stream.ts';

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
  /** The same, a piece handed over at a time. */
  open(): OpenStream;
  /** Nobody looks at the ids of texts encoded so far: their memory may be used again. */
  reuse(): void;
  /** What the text of a token says about cutting there. */
  readonly tokenEnds: TokenEnds;
  /** Ids to text; special tokens appear as their text. */
  decode(ids: Int32Array): string;
}

/** documents -> token runs. With `again`, the ids of all batches lie in the same memory: one is good until the next is asked for. */
export function tokenizeStage(tokenizer: Tokenizer, again = false): Stage<Document, TokenRun> {
  return {
    name: 'tokenize',
    fingerprint: fingerprint({ stage: 'tokenize', tokenizer: tokenizer.sha256, ...tokenizer.options }),
    async *run(input, context): AsyncGenerator<Batch<TokenRun>> {
      for await (const { items, cursor } of input) {
        if (again) tokenizer.reuse();
        const runs: TokenRun[] = [];
        for (const document of items) {
          try {
            const { ids, promptTokens } = document.long
              ? { ids: await encodeLong(tokenizer, document.long, context), promptTokens: 0 }
              : tokenizer.encodeDocument(document);
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
        context.progress({
          tokens: runs.reduce((sum, { ids, document }) => sum + (document.long ? 0 : ids.length), 0),
        });
        yield { items: runs, cursor };
      }
    },
  };
}

/** The ids of a text that is never whole. */
async function encodeLong(tokenizer: Tokenizer, { chunks }: LongText, context: StageContext): Promise<Spool> {
  const spool = (await context.spool?.()) ?? held();
  const text = tokenizer.open();
  const keep = async (runs: Iterable<Int32Array>) => {
    for (const ids of runs) {
      await spool.add(ids);
      context.progress({ tokens: ids.length });
    }
  };
  try {
    for await (const chunk of chunks()) await keep(text.add(chunk));
    await keep(text.end());
    return spool;
  } catch (error) {
    spool.release?.();
    throw error;
  }
}

/** Where there is no such room: in memory. */
function held(): Spool {
  let runs: Int32Array[] = [];
  let length = 0;
  return {
    get length() {
      return length;
    },
    add(ids) {
      runs.push(ids);
      length += ids.length;
      return Promise.resolve();
    },
    subarray(start, end) {
      if (runs.length > 1) runs = [concatIds(runs)];
      return runs[0]?.subarray(start, end) ?? new Int32Array(0);
    },
  };
}
