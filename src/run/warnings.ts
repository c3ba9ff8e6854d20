import type { Plan } from './plan.ts';

/** What whoever runs a plan should know before or after: `message` is for people, and ends with the way out. */
export interface Warning {
  readonly code: 'LARGE_ROW_GROUP' | 'PROMPT_ONLY';
  readonly message: string;
  readonly details: Readonly<Record<string, string | number>>;
}

/**
 * A row group is read whole: one that is large is the one thing that memory is not bounded for. `details` are the input with the
 * largest, that group's bytes of memory, and how many parts of the plan have such groups.
 */
export function warningsOf({ splits, inputs }: Plan): Warning[] {
  let [file, bytes, parts] = ['', 0, 0];
  for (const { parts: of } of splits)
    for (const { input, memory } of of) {
      if (memory === undefined) continue;
      parts++;
      if (memory > bytes) [file, bytes] = [inputs[input]!.path, memory];
    }
  if (parts === 0) return [];
  const message =
    `${parts === 1 ? 'a part' : `${parts} parts`} of the inputs cannot be read in little memory: a row group of ${file} takes ` +
    `about ${Math.round(bytes / 2 ** 20)} MiB of it, in each worker that is at such a one; write it with smaller row groups, or use fewer --workers`;
  return [{ code: 'LARGE_ROW_GROUP', message, details: { file, bytes, parts } }];
}
