import { tokenBits } from '../core/token-ends.ts';
import { LiteralFinder, literalsOf } from './added.ts';
import type { Engine } from './engine.ts';
import { concatIds } from './kernel.ts';
import type { Model } from './model.ts';
import type { OpenStream } from './stream.ts';
import { encodePrompted } from './prompted.ts';
import type { Template } from './template.ts';
import type { EncodeOptions, Tokenizer } from './tokenizer.ts';

/** A tokenizer from an engine: the template around texts, and special tokens when ids become text again. */
export function assemble(
  { sha256, size, added, template }: Pick<Model, 'sha256' | 'size' | 'added' | 'template'>,
  engine: Engine,
  options: EncodeOptions,
): Tokenizer {
  const special = new Map(added.filter((token) => token.special).map(({ id, content }) => [id, content]));
  const around = options.template && template && template.before.length + template.after.length > 0 ? template : null;
  const ends = new Int16Array(size).fill(-1);
  const finder = new LiteralFinder(literalsOf(added.filter((token) => token.special)));
  const encode = (text: Uint8Array): Int32Array => {
    const ids = engine.encode(text);
    return around ? within(around, ids) : ids;
  };
  const open = (): OpenStream => {
    const text = engine.open();
    if (!around) return text;
    let before = [Int32Array.from(around.before)];
    return {
      *add(piece) {
        yield* before;
        before = [];
        yield* text.add(piece);
      },
      *end() {
        yield* before;
        yield* text.end();
        yield Int32Array.from(around.after);
      },
    };
  };
  return {
    sha256,
    engine: engine.name,
    size,
    options,
    idOf: (token) => added.find(({ content }) => content === token)?.id ?? engine.idOf(token),
    isOrdinary: (id) => engine.has(id) && !added.some((token) => token.id === id),
    encode,
    encodeDocument({ text, prompt }) {
      if (prompt === undefined) return { ids: encode(text), promptTokens: 0 };
      const coded = encodePrompted(text, prompt, engine.encode, finder);
      // A chat template is the whole template: Hugging Face leaves the other out, too.
      if (!around || prompt.written.length > 0) return coded;
      return {
        ids: within(around, coded.ids),
        promptTokens: around.before.length + coded.promptTokens,
      };
    },
    *encodeStream(pieces) {
      const text = open();
      for (const piece of pieces) yield* text.add(piece);
      yield* text.end();
    },
    open,
    reuse: () => engine.reuse?.(),
    tokenEnds(id) {
      // Hugging Face's library takes 60 us for it: 9 s for the vocabulary of Qwen, of which a cut sees little.
      const known = ends[id]!;
      return known >= 0 ? known : (ends[id] = tokenBits(engine.bytesOf(id)));
    },
    decode(ids) {
      // The engine knows ordinary tokens: it decodes the runs between special ones.
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

/** The template's ids around a text's. */
const within = ({ before, after }: Template, ids: Int32Array): Int32Array =>
  concatIds([Int32Array.from(before), ids, Int32Array.from(after)]);
