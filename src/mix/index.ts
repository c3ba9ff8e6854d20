export { decide, type Decided, DECISIONS, type Surveyed } from './decide.ts';
export { decidedStage, type Verdicts } from './decided.ts';
export { type Filter, type FilterAnswer, type FilterDocument, loadFilter, MAX_REASONS } from './filter.ts';
export {
  countsTokens,
  drawnVerdict,
  isChosen,
  isFiltered,
  lengthVerdict,
  looksAcross,
  type MixRules,
  type Rules,
  rulesFor,
} from './rules.ts';
export type { LongShare } from './long-share.ts';
export { selectStage } from './select.ts';
