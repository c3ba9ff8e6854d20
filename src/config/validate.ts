import {
  type Alias,
  type Document as YamlDocument,
  isMap,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';
import { configInvalid, messageOf, type PrepError } from '../core/errors.ts';
import { MAX_WINDOW, MIN_WINDOW } from '../core/limits.ts';
import { type Compiled, type ErrorObject, validators } from '../core/validator.ts';
import { budget, quantity } from './quantity.ts';
import { compiled } from './schema.generated.ts';

/**
 * Parses YAML and validates it against schemas/pipeline.schema.json, filling in the schema's defaults. `overrides` (from the command
 * line) replace top-level members first. Throws CONFIG_INVALID with line, column and field.
 */
export function parseConfig(text: string, file: string, overrides: object): unknown {
  const lines = new LineCounter();
  const place = (offset: number, field: string) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col, field };
  };
  /** The library throws where a file is too much for it, such as brackets in brackets without end. */
  const orInvalid = <T>(work: () => T, offset: () => number): T => {
    try {
      return work();
    } catch (error) {
      throw configInvalid(file, place(offset(), ''), `cannot be taken in: ${messageOf(error)}`, 'write it plainly');
    }
  };
  const document = orInvalid(
    () => parseDocument(text, { lineCounter: lines, uniqueKeys: true, version: '1.2' }),
    () => 0,
  );
  const [syntax] = document.errors;
  if (syntax) {
    const [problem = 'is not YAML'] = messageOf(syntax).split('\n');
    throw configInvalid(file, place(syntax.pos[0], ''), problem.replace(/ at line.*$/, ''), 'correct the YAML');
  }
  const loop = orInvalid(
    () => findAlias(document, (alias, path) => path.includes(alias.resolve(document)!)),
    () => 0,
  );
  if (loop !== undefined)
    throw configInvalid(file, place(loop, ''), 'is an alias of what it stands in', 'write the value out');
  const value: unknown = orInvalid(
    () => document.toJS({ maxAliasCount: 100 }),
    () => findAlias(document, (alias) => !alias.resolve(document)) ?? findAlias(document, () => true) ?? 0,
  );
  if (!isMap(document.contents))
    throw configInvalid(file, place(0, ''), 'is not a map of settings', 'see pipelines/ for examples');
  const config = merge(value as Record<string, unknown>, overrides as Record<string, unknown>);
  const errors = validate(config, 'pipeline');
  if (errors.length > 0) {
    const given = (path: string[]) => path[0] !== undefined && path[0] in overrides;
    const [first] = errors;
    // A flag that is wrong has no line in the file.
    if (given(first!.instancePath.split('/').slice(1))) throw explain(errors, () => NO_PLACE, 'command line');
    throw explain(errors, (path, key) => place(offsetOf(document, path, key), ''), file);
  }
  return config;
}

/** Offset of the first alias that is as asked. */
function findAlias(
  document: YamlDocument,
  wanted: (alias: Alias, path: readonly unknown[]) => boolean,
): number | undefined {
  let offset: number | undefined;
  visit(document, {
    Alias(_, alias, path) {
      if (!wanted(alias, path)) return undefined;
      offset = alias.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return offset;
}

/** The same for settings that came from the command line alone. */
export function checkConfig(config: object, origin: string, schema: 'pipeline' | 'noise' = 'pipeline'): void {
  const errors = validate(config, schema);
  if (errors.length > 0) throw explain(errors, () => NO_PLACE, origin);
}

const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  tokens: (text) => within(quantity(text), MIN_WINDOW, MAX_WINDOW),
  segment: (text) => within(quantity(text), 0, MAX_WINDOW),
  budget: (text) => within(budget(text), 0, Number.MAX_SAFE_INTEGER),
  many: (text) => within(quantity(text), 0, Number.MAX_SAFE_INTEGER),
  bytes: (text) => within(quantity(text), 1024, Number.MAX_SAFE_INTEGER),
  document_bytes: (text) => within(quantity(text), 1024, 2 ** 36),
};

const CHECKS = validators(compiled as Compiled, FORMATS);

/** Fills in defaults. */
function validate(config: object, schema: keyof typeof CHECKS): readonly ErrorObject[] {
  const check = CHECKS[schema]!;
  return check(config) ? [] : (check.errors ?? []);
}

const within = (value: number, least: number, most: number): boolean => value >= least && value <= most;

/** Overrides replace settings; of a group of settings only the ones given. */
function merge(config: Record<string, unknown>, overrides: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...config };
  for (const [key, value] of Object.entries(overrides)) {
    const [before, after] = [merged[key], value];
    merged[key] = isGroup(before) && isGroup(after) ? { ...before, ...after } : after;
  }
  return merged;
}
const isGroup = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

type Place = { line: number; column: number; field: string };
const NO_PLACE: Place = { line: 0, column: 0, field: '' };

/** The first error worth showing, in words. */
function explain(
  errors: readonly ErrorObject[],
  placeOf: (path: string[], key: string | undefined) => Place,
  file: string,
): PrepError {
  // An `anyOf` reports each of its branches first; the branch errors say less than what was expected of the whole.
  const error = errors.find((e) => e.keyword === 'anyOf') ?? errors[0]!;
  const path = error.instancePath.split('/').slice(1);
  const field = path.reduce(
    (name, part) => name + (/^\d+$/.test(part) ? `[${part}]` : `${name ? '.' : ''}${part}`),
    '',
  );
  const inside = (key: string) => (field ? `${field}.${key}` : key);
  if (error.keyword === 'additionalProperties') {
    const key = String(error.params.additionalProperty);
    const known = Object.keys((error.parentSchema as { properties: object }).properties).filter((k) => k !== '$schema');
    const near = nearest(key, known);
    const wayOut = near ? `did you mean \`${near}\`?` : `known here are ${known.join(', ')}`;
    return configInvalid(file, { ...placeOf(path, key), field: inside(key) }, 'is not a setting', wayOut);
  }
  if (error.keyword === 'required') {
    const key = String(error.params.missingProperty);
    return configInvalid(file, { ...placeOf(path, undefined), field: inside(key) }, 'is missing', 'add it');
  }
  const found = JSON.stringify(error.data)?.slice(0, 60);
  return configInvalid(file, { ...placeOf(path, undefined), field }, `is ${found}`, `expected ${expected(error)}`);
}

function expected(error: ErrorObject): string {
  const schema = error.parentSchema as { errorMessage?: string; enum?: unknown[]; minimum?: number; maximum?: number };
  if (schema.errorMessage) return schema.errorMessage;
  if (error.keyword === 'enum') return `one of ${schema.enum?.join(', ')}`;
  if (error.keyword === 'type') return `a value of type ${String(error.params.type).replace(',', ' or ')}`;
  return (error.message ?? 'another value').replace(/^must /, 'it to ').replace('NOT ', 'not ');
}

/** Byte offset of the node at a path, or of one of its keys. */
function offsetOf(document: YamlDocument, path: string[], key: string | undefined): number {
  const parts = path.map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  for (let end = parts.length; end >= 0; end--) {
    const node = (end === 0 ? document.contents : document.getIn(parts.slice(0, end), true)) as Node | undefined;
    if (!node?.range) continue;
    if (key !== undefined && isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key);
      if (pair && isScalar(pair.key) && pair.key.range) return pair.key.range[0];
    }
    return node.range[0];
  }
  return 0;
}

/** The known name at most two edits away. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const scored = known.map((candidate) => ({ candidate, distance: editDistance(name, candidate) }));
  scored.sort((a, b) => a.distance - b.distance);
  const [best] = scored;
  return best && best.distance <= Math.max(2, Math.floor(name.length / 3)) ? best.candidate : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
