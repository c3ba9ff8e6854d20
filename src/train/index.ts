export { BACKENDS, chooseBackend, type ChosenBackend } from './backend.ts';
export { configOf, type Preset, PRESETS } from './presets.ts';
export { runTraining } from './run.ts';
export type { RunResult, TrainEvent } from './run-types.ts';
