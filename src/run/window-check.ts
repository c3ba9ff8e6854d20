import { isPrepError, messageOf } from '../core/errors.ts';
import { ownOf } from '../core/own.ts';
import { blockMask, type Policies, type Policy, policyOf } from '../mask/index.ts';
import type { Manifest, WindowRecord } from '../shard/index.ts';
import { lossRules } from './loss.ts';
import type { Plan } from './plan.ts';
import { type PlanConfig, policiesOf, settingsOf } from './settings.ts';

/** What a token of a window may be, by the plan. */
interface Rules {
  readonly windowLength: number;
  /** Least tokens in a segment. */
  readonly minSegment: number;
  readonly vocabSize: number;
  readonly policies: Policies;
  readonly pad: number;
  /** Ids that no document can hold: its text was tokenized as text. */
  readonly special: readonly number[];
  /** Stands at the end of a document's last part; null under policies without. */
  separatorOf(source: string): number | null;
}

/** Without a plan (it is damaged, and reported) nothing is known of documents' ids. */
export function windowRules(manifest: Manifest, plan: Plan | undefined): Rules {
  const { windowLength, tokenizer } = manifest;
  const { mask, bos, eos, pad } = tokenizer.specialIds;
  const { minSegment } = lossRules(manifest);
  const policies = policiesOf(manifest.config as unknown as PlanConfig);
  const common = { windowLength, minSegment, vocabSize: tokenizer.vocabSize, policies, pad };
  const settings = plan && settingsOf(plan);
  // With `special_text: parse`, a template or a chat template special ids are what a document may well hold.
  const { encode, read } = settings ?? {};
  if (!settings || encode?.specialTokens === 'parse' || encode?.template || read?.form?.format === 'messages')
    return { ...common, special: [], separatorOf: () => null };
  // A tokenizer without an end and a padding token pads with id 0 (tokenize/special.ts): an ordinary token.
  const padding = pad === eos || (eos === null && pad === 0) ? [] : [pad];
  return {
    ...common,
    special: [mask, bos, eos, ...padding].filter((id) => id !== null),
    separatorOf: (source) => (ownOf(settings.pack.sources, source) ?? settings.pack).separator,
  };
}

/** What is wrong with one window, by itself and with the tables of its documents. */
export function* windowProblems(
  record: WindowRecord,
  rules: Rules,
  partsOf: (split: number, document: number) => number | undefined,
): Generator<string> {
  const { inputIds, numTokens, segments } = record;
  const { windowLength, minSegment, vocabSize, pad, policies } = rules;
  const policy = policyOf(policies, segments);
  let end = 0;
  for (const [i, { start, length, group, promptTokens }] of segments.entries()) {
    if (start !== end) yield `segment ${i} begins at ${start}, not at ${end}`;
    if (length < minSegment) yield `segment ${i} has ${length} tokens, fewer than ${minSegment}`;
    if (length <= 0) yield `segment ${i} is empty`;
    if (promptTokens < 0 || promptTokens > length) yield `segment ${i} has ${promptTokens} prompt tokens of ${length}`;
    if (policyOf(policies, [segments[i]!]) !== policy) yield `segment ${i} is of a source with another policy`;
    if (i > 0 && group < segments[i - 1]!.group) yield `segment ${i} goes back to group ${group}`;
    end = start + length;
  }
  if (end !== numTokens) yield `its segments end at ${end}, its tokens at ${numTokens}`;
  if (numTokens < 1 || numTokens > windowLength) yield `${numTokens} tokens in a window of ${windowLength}`;
  for (let i = 0; i < windowLength; i++) {
    const id = inputIds[i]!;
    if (i >= numTokens ? id !== pad : id < 0 || id >= vocabSize) {
      yield `token ${i} is ${id}${i >= numTokens ? `, padding is ${pad}` : ''}`;
      break;
    }
  }
  yield* specialProblems(record, rules, partsOf);
  yield* maskProblems(record, policy, policies.diffusionBlock);
}

/** Whether a window's stored mask is that of its boundaries. */
export function* maskProblems(
  { segments, numTokens, inputIds, mask }: WindowRecord,
  policy: Policy,
  diffusionBlock: number,
): Generator<string> {
  let made;
  try {
    made = blockMask(segments, numTokens, inputIds.length, policy, diffusionBlock);
  } catch (error) {
    if (!isPrepError(error)) throw error;
    yield messageOf(error);
    return;
  }
  if (
    made.policy !== mask.policy ||
    !equal(made.cuSeqlens, mask.cuSeqlens) ||
    !equal(made.blockMask, mask.blockMask) ||
    made.maxSeqlen !== mask.maxSeqlen ||
    made.allowedPairs !== mask.allowedPairs
  )
    yield `its attention mask is not that of its boundaries under ${policy}`;
}

/** The first special id inside a document, and the first document without its separator. */
function* specialProblems(
  { inputIds, numTokens, segments }: WindowRecord,
  { special, separatorOf }: Rules,
  partsOf: (split: number, document: number) => number | undefined,
): Generator<string> {
  if (special.length === 0) return;
  const separators = new Set<number>();
  let missing: string | undefined;
  // One source's is every one's: a window has one policy.
  const separator = separatorOf(segments[0]?.source ?? '');
  if (separator !== null)
    for (const { start, length, split, document, part } of segments) {
      const parts = partsOf(split, document);
      // A document that no table lists is reported as such.
      const ends = parts === undefined || part === parts - 1;
      const last = start + length - 1;
      if (ends) separators.add(last);
      if (ends && parts !== undefined && inputIds[last] !== separator)
        missing ??= `token ${last} is ${inputIds[last]}, where the separator ${separator} of document ${document} of split ${split} must stand`;
    }
  if (missing !== undefined) yield missing;
  const forbidden = new Set(special);
  for (let i = 0; i < numTokens; i++) {
    const id = inputIds[i]!;
    if (!forbidden.has(id) || (id === separator && separators.has(i))) continue;
    yield `token ${i} is the special id ${id}, which no document can hold`;
    return;
  }
}

export const equal = (a: ArrayLike<number>, b: ArrayLike<number>): boolean =>
  a.length === b.length && Array.prototype.every.call(a, (value, i) => value === b[i]);
