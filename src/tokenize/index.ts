import { PrepError } from '../core/errors.ts';
import { kernelEngine } from './engine.ts';
import { libraryEngine, type Watch } from './library.ts';
import { buildModel, type ForeignModel, isForeign, type Model } from './model.ts';
import { assemble } from './assemble.ts';
import { looksAround } from './recognise.ts';
import type { EncodeOptions, Tokenizer } from './tokenizer.ts';

export { SPECIAL_MODES, type SpecialMode } from './engine.ts';
export {
  buildModel,
  type ForeignModel,
  hashOf,
  isForeign,
  type Model,
  modelBytes,
  modelName,
  readModel,
} from './model.ts';
export { resolveSpecialIds, type SpecialTokens } from './special.ts';
export { type EncodeOptions, type Tokenizer, tokenizeStage } from './tokenizer.ts';

const DEFAULTS: EncodeOptions = { specialTokens: 'text', template: false };

/** Loads a `tokenizer.json`; `name` is its path for messages. Throws TOKENIZER_INVALID. */
export const loadTokenizer = (bytes: Uint8Array, name: string, options: Partial<EncodeOptions> = {}): Tokenizer =>
  openTokenizer(buildModel(bytes, name), options);

/**
 * A tokenizer of a model that is there already: from a cache, or from another thread. `watch` hears before and after a
 * pattern from the file is run: such a pattern needs somebody who can stop it.
 */
export function openTokenizer(
  model: Model | ForeignModel,
  given: Partial<EncodeOptions> = {},
  watch: Watch = () => {},
): Tokenizer {
  const options = { ...DEFAULTS, ...given };
  const odd = isForeign(model) ? undefined : model.added.find((token) => looksAround(token, model.how.nfc));
  if (odd && options.specialTokens !== 'text')
    throw new PrepError(
      'CONFIG_INVALID',
      `special_text: the tokenizer's ${JSON.stringify(odd.content)} strips or looks around itself, which is not parsed here; use special_text: text`,
      { field: 'special_text' },
    );
  const engine = isForeign(model)
    ? libraryEngine(model, options.specialTokens, watch)
    : kernelEngine(model, options.specialTokens);
  return assemble(model, engine, options);
}
