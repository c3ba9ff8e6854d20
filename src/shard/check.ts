import { corpusCorrupt, fingerprintMismatch, isPrepError, messageOf } from '../core/errors.ts';
import { MAX_METADATA_BYTES } from '../core/limits.ts';
import { type Compiled, type ErrorObject, type ValidateFunction, validators } from '../core/validator.ts';
import { readAll, stat } from '../io/files.ts';
import { bitsFault, manifestFault, maskFault, passFault, planFault, receiptFault } from './check-sums.ts';
import { FORMAT, type Manifest } from './manifest.ts';
import { type BitsReceipt, type MaskReceipt, PLAN, type PassReceipt, type Receipt } from './receipt.ts';

/** Where a kind's schema is, and what no schema can say: returns a JSON pointer and a problem, or null. */
const KINDS = {
  plan: { schema: 'plan.schema.json', fault: planFault },
  manifest: { schema: 'manifest.schema.json', fault: (value) => manifestFault(value as Manifest) },
  receipt: { schema: 'receipt.schema.json#/$defs/split', fault: (value) => receiptFault(value as Receipt) },
  stream: { schema: 'receipt.schema.json#/$defs/stream', fault: () => null },
  local: { schema: 'local.schema.json', fault: () => null },
  bits: { schema: 'receipt.schema.json#/$defs/bits', fault: (value) => bitsFault(value as BitsReceipt) },
  masks: { schema: 'receipt.schema.json#/$defs/masks', fault: (value) => maskFault(value as MaskReceipt) },
  pass: { schema: 'receipt.schema.json#/$defs/pass', fault: (value) => passFault(value as PassReceipt) },
} as const satisfies Record<string, { schema: string; fault: (value: object) => [string, string] | null }>;

export type Checked = keyof typeof KINDS;

/** Nothing of ours is deeper; what walks a value after this need not fear for its stack. */
const MAX_DEPTH = 24;

/**
 * The plan, manifest or receipt in a file. All of it is held to its schema before anything looks at it, since paths are
 * opened and removed and numbers allocated by it. CORPUS_CORRUPT names the file and the JSON pointer; the file of another
 * format version is named as that.
 */
export async function readChecked<T>(kind: Checked, path: string): Promise<T> {
  const value = await readJson(path);
  const { format } = Object(value) as { format?: unknown };
  if ((kind === 'plan' || kind === 'manifest') && /^ultraprep\/\d+$/.test(String(format)) && format !== FORMAT) {
    if (kind === 'plan') throw fingerprintMismatch(path, 'format', FORMAT, JSON.stringify(format));
    throw corpusCorrupt(path, '/format', `is ${JSON.stringify(format)}, this version reads ${FORMAT}`);
  }
  if (deeperThan(value, MAX_DEPTH)) throw corpusCorrupt(path, '/', `is nested more than ${MAX_DEPTH} deep`);
  const validate = await validatorOf(kind);
  if (!validate(value)) {
    const error = worst(validate.errors ?? []);
    throw corpusCorrupt(path, error?.instancePath || '/', problemOf(error));
  }
  const fault = KINDS[kind].fault(value as object);
  if (fault) throw corpusCorrupt(path, ...fault);
  return value as T;
}

async function readJson(path: string): Promise<unknown> {
  const bytes = await readAll(path, MAX_METADATA_BYTES);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch (error) {
    throw corpusCorrupt(path, '/', messageOf(error));
  }
}

/** The format a folder's plan (or its manifest, as `file`) says it has: `null` without one, otherwise what stands there, in words if it is none. */
export async function planFormat(dir: string, file = PLAN): Promise<{ ours: boolean; found: string } | null> {
  const path = `${dir}/${file}`;
  const found = await stat(path);
  if (!found) return null;
  if (found.kind !== 'file') return { ours: false, found: 'not a file' };
  try {
    const { format } = Object(await readJson(path)) as { format?: unknown };
    const ours = typeof format === 'string' && format.startsWith('ultraprep/');
    return { ours, found: format === undefined ? 'JSON without a format' : `of the format ${JSON.stringify(format)}` };
  } catch (error) {
    if (!isPrepError(error)) throw error;
    return { ours: false, found: 'no JSON that can be read' };
  }
}

let compiled: Promise<Readonly<Record<string, ValidateFunction>>> | undefined;

/** Loaded on first use: a command that reads no corpus does not pay for it. */
async function validatorOf(kind: Checked): Promise<ValidateFunction> {
  compiled ??= import('./schemas.generated.ts').then((schemas) => validators(schemas.compiled as Compiled));
  return (await compiled)[kind]!;
}

/** Of the branches of an `anyOf` (a file or null), the one that got furthest says most. */
const worst = (errors: readonly ErrorObject[]): ErrorObject | undefined =>
  [...errors].sort((a, b) => b.instancePath.length - a.instancePath.length)[0];

function problemOf(error: ErrorObject | undefined): string {
  const allowed = error?.params.allowedValues as unknown[] | undefined;
  return `${error?.message ?? 'is not as its schema says'}${allowed ? ` (${allowed.join(', ')})` : ''}`;
}

function deeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((member) => deeperThan(member, depth - 1));
}
