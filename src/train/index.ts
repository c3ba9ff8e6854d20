export { BACKENDS, chooseBackend, type ChosenBackend } from './backend/backend.ts';
export { configOf, type ModelConfig, type Preset, PRESETS } from './model/presets.ts';
export { runTraining } from './run.ts';
export type { RunResult, TrainEvent } from './run-types.ts';
export { ROPE_EXTENSIONS, type RopeMethod } from './model/rope-extension.ts';
export { configFrom } from './start.ts';
