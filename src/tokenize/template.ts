import type { TokenizerFile } from './file.ts';

/** Ids a file's template puts before and after a text (Llama 3: its begin-of-text). */
export interface Template {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

type Part = Record<string, unknown> & { type?: string };

/** The template of a file's post-processor; null where it has none. Other post-processors add no ids. */
export function templateOf({ json, idOf }: Pick<TokenizerFile, 'json' | 'idOf'>): Template | null {
  const found = find(json.post_processor as Part | null | undefined);
  if (!found || !Array.isArray(found.single)) return null;
  const template = { before: [] as number[], after: [] as number[] };
  let side = template.before;
  for (const piece of found.single as { SpecialToken?: { id: unknown }; Sequence?: unknown }[]) {
    if (piece.Sequence !== undefined) side = template.after;
    const token = piece.SpecialToken?.id;
    const id = typeof token === 'string' ? idOf(token) : undefined;
    if (id !== undefined) side.push(id);
  }
  return template;
}

function find(processor: Part | null | undefined): Part | undefined {
  if (!processor) return undefined;
  if (processor.type === 'TemplateProcessing') return processor;
  const list = processor.processors;
  return processor.type === 'Sequence' && Array.isArray(list)
    ? (list as Part[]).map(find).find((part) => part !== undefined)
    : undefined;
}
