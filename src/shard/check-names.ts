/**
 * The names a run gives its files. Whatever is removed from a corpus folder, or passed over among inputs, is matched against
 * these: a name out of a file says nothing, and a stranger's file in our folder is a stranger's.
 */
const OURS: Readonly<Record<string, RegExp>> = {
  receipts: /^(?:\d{5,}(?:-end)?|noise-pass-\d{3,}(?:-bits)?|mask-[\w-]{1,64})\.json$/,
  shards: /^\d{5,}-\d{5,}\.arrow$/,
  documents: /^\d{5,}\.arrow$/,
  noise: /^pass-\d{3,}(?:-bits)?\.arrow$/,
  tails: /^\d{5,}\.arrow$/,
  rejects: /^(?:\d{5,}|rejects)\.jsonl$/,
  'survey/receipts': /^\d{5,}(?:-end)?\.json$/,
  'survey/documents': /^\d{5,}\.arrow$/,
  decision: /^(?:\d{5,}\.arrow|decision\.json)$/,
  // Written by `train` beside the corpus: only asked about, never removed.
  train: /^(?:metrics\.jsonl|config\.json|tokenizer\.json)$/,
};
const AT_TOP = new Set(['plan.json', 'manifest.json', 'local.json', 'tokenizer.json']);

/** True for a name that a run may give to a file in this folder of a corpus (`shards`, `masks/adaptive`). */
export const isOurName = (folder: string, name: string): boolean =>
  (/^masks\/[\w-]+$/.test(folder) ? OURS.shards : Object.hasOwn(OURS, folder) ? OURS[folder] : undefined)?.test(name) ??
  false;

/** True for a path, relative to a corpus folder, that names one of the corpus's own files. */
export function isOurPath(path: string): boolean {
  const cut = path.lastIndexOf('/');
  return cut < 0 ? AT_TOP.has(path) : isOurName(path.slice(0, cut), path.slice(cut + 1));
}
