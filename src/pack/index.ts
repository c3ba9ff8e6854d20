export { bestFitDecreasing } from './best-fit.ts';
export type { LongDocuments } from './cut.ts';
export { type PackOptions, type PackResult, packStage, packTails } from './stage.ts';
