import { fingerprintMismatch, type PrepError } from '../core/errors.ts';
import { PLAN } from '../shard/index.ts';
import { type Difference, differences } from './differences.ts';
import type { Identity } from './plan.ts';

/** Names the first member in which a folder's plan differs from what is asked for, and counts the others. */
export function differing(dir: string, wanted: Identity, existing: Identity): PrepError {
  const all = [...inIdentity(wanted, existing)];
  const { path, found, expected } = all[0] ?? { path: 'id', found: 'another', expected: 'its own' };
  return fingerprintMismatch(`${dir}/${PLAN}`, path, found, expected, all.length - 1);
}

/** Settings are called as in a pipeline, and inputs by their paths: one more would move the places of all behind it. */
function* inIdentity(a: Identity, b: Identity): Generator<Difference> {
  yield* differences(a.format, b.format, 'format');
  yield* differences(a.version, b.version, 'version');
  yield* differences(a.config, b.config);
  yield* differences(a.tokenizer, b.tokenizer, 'tokenizer');
  const byPath = ({ inputs }: Identity) => Object.fromEntries(inputs.map((input) => [input.path, input]));
  const inputs = [...differences(byPath(a), byPath(b), 'inputs')];
  yield* inputs.length > 0 ? inputs : differences(a.inputs, b.inputs, 'inputs');
}
