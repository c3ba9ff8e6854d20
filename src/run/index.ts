export { type Bin, inspectCorpus, type Inspection } from './inspect.ts';
export { total } from './ledger.ts';
export { writeNoise } from './noise.ts';
export { runPipeline, type RunEvents, type RunOptions } from './pipeline.ts';
export { makePlan, type Plan, type Planned } from './plan.ts';
export { settingsOf } from './settings.ts';
export { type Progress, splitChain } from './split.ts';
export { type Verification, verifyCorpus } from './verify.ts';
export { VERSION } from './version.ts';
