export { LONG_DOCUMENTS, type LongDocuments } from './cut.ts';
export { type Method, METHODS } from './method.ts';
export { type PackedLengths, packLengths, type PackingOptions } from './pack-lengths.ts';
export { shuffleStage } from './shuffle.ts';
export { cutRules, type PackOptions, type PackResult, packStage, packTails } from './stage.ts';
