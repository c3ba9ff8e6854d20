import { fingerprintMismatch, type PrepError } from '../core/errors.ts';
import { canonicalJson, type Json } from '../core/fingerprint.ts';
import { PLAN } from '../shard/index.ts';
import type { Identity } from './plan.ts';

/** Names the first field in which a folder's plan differs from what is asked for. */
export function differing(dir: string, wanted: Identity, existing: Identity): PrepError {
  const text = (value: unknown) => canonicalJson((value ?? null) as Json);
  const mismatch = (field: string, a: unknown, b: unknown) =>
    fingerprintMismatch(`${dir}/${PLAN}`, field, text(a).slice(0, 80), text(b).slice(0, 80));
  for (const field of ['format', 'version'] as const)
    if (wanted[field] !== existing[field]) return mismatch(field, wanted[field], existing[field]);
  for (const group of ['config', 'tokenizer'] as const) {
    const [a, b] = [wanted[group] as Record<string, unknown>, existing[group] as Record<string, unknown>];
    for (const key of Object.keys({ ...a, ...b }).sort())
      if (text(a[key]) !== text(b[key])) return mismatch(group === 'config' ? key : `tokenizer.${key}`, a[key], b[key]);
  }
  for (let i = 0; i < Math.max(wanted.inputs.length, existing.inputs.length); i++)
    if (text(wanted.inputs[i]) !== text(existing.inputs[i]))
      return mismatch(`inputs[${i}]`, wanted.inputs[i], existing.inputs[i]);
  return mismatch('id', 'another', existing);
}
