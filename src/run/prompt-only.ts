import type { Segment } from '../core/window.ts';
import { type Manifest, openCorpus, type StoredCorpus } from '../shard/index.ts';
import { type LossRules, lossRules } from './loss.ts';
import type { Warning } from './warnings.ts';

/** What of fine-tuning records is prompt and nothing else: never masked, so nothing is learned from it. */
export interface PromptOnly {
  /** With a segment that is all prompt; a copy counts as one. */
  readonly documents: number;
  readonly segments: number;
  readonly tokens: number;
}

type PromptRules = Pick<LossRules, 'longDocuments' | 'separatorOf'>;

/** Counts segments that are all prompt, but for a separator: after a prompt one stands only where the rest was truncated. */
export class PromptOnlyCount implements PromptOnly {
  documents = 0;
  segments = 0;
  tokens = 0;
  readonly #rules: PromptRules;

  constructor(rules: PromptRules) {
    this.#rules = rules;
  }

  add({ promptTokens, length, source, part }: Segment): void {
    const { longDocuments, separatorOf } = this.#rules;
    const separator = longDocuments === 'truncate' ? separatorOf(source) : 0;
    if (promptTokens === 0 || length - promptTokens > separator) return;
    // A prompt comes first: where any part of a document is all prompt, its first one is.
    if (part === 0) this.documents++;
    this.segments++;
    this.tokens += length;
  }
}

/** Whether documents have prompts at all: in a corpus of texts nobody has to look. */
const hasPrompts = (manifest: Manifest): boolean => (manifest.config as { form?: unknown }).form != null;

/** Of a corpus on disk, from its boundaries; null where it has no prompts. */
export async function promptOnly(corpus: StoredCorpus): Promise<PromptOnly | null> {
  if (!hasPrompts(corpus.manifest)) return null;
  const { windows } = corpus.manifest;
  const counted = new PromptOnlyCount(lossRules(corpus.manifest));
  for (let window = 0; window < windows.train + windows.validation; window++)
    for (const segment of (await corpus.boundaries(window)).segments) counted.add(segment);
  const { documents, segments, tokens } = counted;
  return { documents, segments, tokens };
}

/** What there is to say of a corpus that is finished. */
export async function corpusWarnings(dir: string, manifest: Manifest): Promise<Warning[]> {
  if (!hasPrompts(manifest)) return [];
  const corpus = await openCorpus(dir);
  try {
    return promptOnlyWarnings(await promptOnly(corpus));
  } finally {
    await corpus.close();
  }
}

export function promptOnlyWarnings(found: PromptOnly | null): Warning[] {
  if (!found || found.segments === 0) return [];
  const { documents, segments, tokens } = found;
  const some = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;
  const message =
    `${some(segments, 'segment')} (${some(tokens, 'token')}) of ${some(documents, 'document')} ${segments === 1 ? 'is' : 'are'} all prompt, ` +
    'and nothing is learned from that; use a larger --window, or --long-documents drop';
  return [{ code: 'PROMPT_ONLY', message, details: { documents, segments, tokens } }];
}
