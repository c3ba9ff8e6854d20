export { ContextWeights } from './context.ts';
export { corrupt, type MaskedUnits, Masker, type Prompted } from './masker.ts';
export { type Draw, drawPass, levels, type NoiseCorpus, type NoiseWindow, passLength, windowKey } from './pass.ts';
export { SCALE, type Schedule, scheduleOf, steps } from './schedule.ts';
export { batchTimes } from './time.ts';
export { type Bounds, type Units, unitsOf } from './units.ts';
export { chance, exactCount, isTooShort } from './weight.ts';
