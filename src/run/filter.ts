import { fingerprintMismatch } from '../core/errors.ts';
import { exists } from '../io/files.ts';
import { sha256OfFile } from '../io/hash.ts';
import { type Filter, loadFilter } from '../mix/index.ts';
import { configOf } from './settings.ts';
import type { Plan } from './plan.ts';

/**
 * The user's filter, if the plan has one. Its path comes from the user each time and never out of the corpus folder: nothing in
 * a folder that somebody else made can run code. Another content than the plan's is FINGERPRINT_MISMATCH.
 */
export async function filterOf(plan: Plan, path: string | null): Promise<(() => Filter) | null> {
  const expected = configOf(plan).filter;
  if (expected === null) return null;
  const found = path !== null && (await exists(path)) ? await sha256OfFile(path) : null;
  if (path === null || found !== expected)
    throw fingerprintMismatch(path ?? 'command line', 'filter', found ?? 'not there', expected);
  return loadFilter(path);
}
