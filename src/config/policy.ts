import { configInvalid } from '../core/errors.ts';
import { BLOCK_SIZE } from '../core/limits.ts';
import type { Mixture } from './pipeline.ts';

/** What a boundary policy needs of the rest of a pipeline: CONFIG_INVALID names the setting that is in its way. */
export function checkPolicy(
  { all, bySource }: Mixture,
  { groupField, window }: { readonly groupField: string | null; readonly window: number },
  file: string,
): void {
  const invalid = (field: string, problem: string, wayOut: string) =>
    configInvalid(file, { line: 0, column: 0, field }, problem, wayOut);
  const rules = [
    ['policy', all.policy] as const,
    ...Object.entries(bySource).map(([name, own]) => [name, own.policy] as const),
  ];
  const grouped = rules.find(([, policy]) => policy === 'hybrid');
  if (grouped && groupField === null)
    throw invalid(
      'group_field',
      'is not there, and the policy hybrid attends to groups',
      'name the field that documents are grouped by',
    );
  if (all.policy === 'block-diffusion' && window % BLOCK_SIZE !== 0)
    throw invalid('window', `is ${window}, and block-diffusion takes a multiple of ${BLOCK_SIZE}`, 'choose such a one');
  // A shard's table of masks has one form, and that of block diffusion is another one.
  const other = rules.find(([, policy]) => (policy === 'block-diffusion') !== (all.policy === 'block-diffusion'));
  if (other)
    throw invalid(
      'policy',
      `is ${all.policy}, and the source ${JSON.stringify(other[0])} has the policy ${other[1]}`,
      'give the whole corpus block-diffusion, or none of it',
    );
}
