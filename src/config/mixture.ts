import { configInvalid } from '../core/errors.ts';
import type { Mixture, RawInput, RawPipeline, SourceRules } from './pipeline.ts';
import { budget, quantity } from './quantity.ts';

/** Settings of an entry of `inputs` that say what of it is there, and how. */
const RULES = ['epochs', 'weight', 'tokens', 'min_tokens', 'max_tokens', 'policy'] as const;

/**
 * The rules of every source. A source is what its name says: rules of an entry whose name another entry has too would be
 * those of the other's documents as well, which is refused, as is what contradicts itself. `named` are the entries with
 * their names filled in.
 */
export function mixtureOf(raw: RawPipeline, named: readonly { readonly source: string }[], file: string): Mixture {
  const invalid = (field: string, problem: string, wayOut: string) =>
    configInvalid(file, { line: 0, column: 0, field }, problem, wayOut);
  const all: SourceRules = {
    epochs: 1,
    tokens: null,
    minTokens: quantity(raw.min_tokens),
    maxTokens: raw.max_tokens === null ? null : quantity(raw.max_tokens),
    policy: raw.policy,
  };
  const checked = (rules: SourceRules, at: string): SourceRules => {
    const { minTokens, maxTokens } = rules;
    if (maxTokens !== null && minTokens > maxTokens)
      throw invalid(
        `${at}min_tokens`,
        `is ${minTokens}, more than max_tokens = ${maxTokens}`,
        'no document could be both',
      );
    return rules;
  };
  checked(all, '');
  const own: [string, SourceRules][] = [];
  for (const [i, input] of raw.inputs.entries()) {
    const rule = RULES.find((name) => input[name] !== undefined);
    if (rule === undefined) continue;
    const { source } = named[i]!;
    const twin = named.findIndex((other, k) => k !== i && other.source === source);
    if (twin >= 0)
      throw invalid(
        `inputs[${i}].${rule}`,
        `would rule inputs[${twin}] too, which is of the source ${JSON.stringify(source)} as well`,
        'give both to one entry, or each a `source` of its own',
      );
    if (input.epochs !== undefined && input.weight !== undefined)
      throw invalid(`inputs[${i}].weight`, 'is another name for epochs, which is given', 'leave one out');
    own.push([source, checked(rulesOf(input, all), `inputs[${i}].`)]);
  }
  // Not by assignment: a source may be called __proto__.
  return { all, bySource: Object.fromEntries(own), duplicates: raw.duplicates };
}

function rulesOf(input: RawInput, all: SourceRules): SourceRules {
  const { epochs, weight, tokens, min_tokens: least, max_tokens: most, policy } = input;
  return {
    epochs: epochs ?? weight ?? all.epochs,
    tokens: tokens === undefined ? all.tokens : budget(tokens),
    minTokens: least === undefined ? all.minTokens : quantity(least),
    maxTokens: most === undefined ? all.maxTokens : quantity(most),
    policy: policy ?? all.policy,
  };
}
