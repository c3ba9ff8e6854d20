import { canonicalJson, type Json } from '../core/fingerprint.ts';
import { ownOf } from '../core/own.ts';

/** A member that two values do not share: its path, such as `packing.shuffle`, and what each has there, in few characters. */
export interface Difference {
  readonly path: string;
  readonly found: string;
  readonly expected: string;
}

/** Shown of a value; of a chat template that is what is around its first other character. */
const SHOWN = 80;
const BEFORE = 20;

/**
 * The innermost members in which two values differ, by their names in order: an object or an array is one only beside something
 * that is none. A member that is missing is one that is null, as in canonical JSON.
 */
export function* differences(found: unknown, expected: unknown, path = ''): Generator<Difference> {
  if ((found ?? null) === (expected ?? null)) return;
  if (Array.isArray(found) && Array.isArray(expected)) {
    for (let i = 0; i < Math.max(found.length, expected.length); i++)
      yield* differences(found[i], expected[i], `${path}[${i}]`);
  } else if (isObject(found) && isObject(expected)) {
    for (const name of new Set([...Object.keys(found), ...Object.keys(expected)].sort()))
      yield* differences(ownOf(found, name), ownOf(expected, name), inside(path, name));
  } else {
    const [a, b] = [text(found), text(expected)];
    let from = 0;
    while (from < a.length && a[from] === b[from]) from++;
    yield { path, found: shown(a, from), expected: shown(b, from) };
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function inside(path: string, name: string): string {
  if (!/^\w+$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === '' ? name : `${path}.${name}`;
}

const text = (value: unknown): string => (value === undefined ? 'nothing' : canonicalJson(value as Json));

function shown(whole: string, other: number): string {
  if (whole.length <= SHOWN) return whole;
  const from = other < SHOWN - BEFORE ? 0 : other - BEFORE;
  return `${from > 0 ? '…' : ''}${whole.slice(from, from + SHOWN)}${from + SHOWN < whole.length ? '…' : ''}`;
}
