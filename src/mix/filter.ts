import { pathToFileURL } from 'node:url';
import { filterFailed, filterInvalid, messageOf } from '../core/errors.ts';
import type { TokenRun } from '../core/document.ts';

/** What a filter is told of a document. */
export interface FilterDocument {
  readonly text: string;
  /** The record's own id, or null. */
  readonly id: string | null;
  readonly source: string;
  readonly tokens: number;
}

/** true: it stays; false or a reason: it is dropped. */
export type FilterAnswer = boolean | { readonly reason: string };
type FilterFunction = (document: FilterDocument) => FilterAnswer;

/** Why a document is dropped; null where it stays. */
export type Filter = (run: TokenRun, source: string, file: string) => string | null;

/** Reasons become names in the ledger. */
const REASON = /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}$/;
export const MAX_REASONS = 100;

/**
 * The filter of a module, by its absolute path; FILTER_FAILED where it is none, and where it throws or answers something
 * else, with file and record. The caller has compared its content with the plan's hash. One is made for each split: how many
 * reasons it has given must not hang on what else its thread has run.
 */
export async function loadFilter(path: string): Promise<() => Filter> {
  const judge = await load(path);
  return () => judging(path, judge);
}

function judging(path: string, judge: FilterFunction): Filter {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const reasons = new Set<string>();
  return ({ document, ids }, source, file) => {
    const fail = (problem: string) => filterFailed(path, file, document.origin.record, problem);
    const { id } = document;
    let answer: unknown;
    try {
      answer = judge({ text: decoder.decode(document.text), id, source, tokens: ids.length });
    } catch (error) {
      throw fail(`it throws ${messageOf(error)}`);
    }
    if (answer === true) return null;
    if (answer === false) return 'filter';
    if (answer instanceof Promise) throw fail('it returns a promise, and must answer at once');
    const { reason } = Object(answer) as { reason?: unknown };
    if (typeof reason !== 'string' || !REASON.test(reason))
      throw fail('it returns neither true nor false nor { reason } of at most 60 letters, digits, `.`, `_`, `-`');
    reasons.add(reason);
    if (reasons.size > MAX_REASONS)
      throw fail(`it gives more than ${MAX_REASONS} reasons, the last ${JSON.stringify(reason)}`);
    return `filter: ${reason}`;
  };
}

async function load(path: string): Promise<FilterFunction> {
  let module: { default?: unknown };
  try {
    module = (await import(pathToFileURL(path).href)) as { default?: unknown };
  } catch (error) {
    throw filterInvalid(path, `it cannot be loaded: ${messageOf(error)}`);
  }
  if (typeof module.default !== 'function') throw filterInvalid(path, 'it has no default export that is a function');
  return module.default as FilterFunction;
}
