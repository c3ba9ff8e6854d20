export { BACKENDS, type BackendName, type Candidate, chooseBackend, type ChosenBackend } from './backend.ts';
export { loadCheckpoint, saveCheckpoint } from './checkpoint.ts';
export { evaluate, type Evaluation } from './evaluate.ts';
export { configOf, isPreset, type ModelConfig, type Preset, PRESETS } from './presets.ts';
export { runTraining, type RunResult, type RunSettings, type TrainEvent } from './run.ts';
export { denoise, SAMPLE, type SampleSettings } from './sample.ts';
export { unigramCrossEntropy, type UnigramFigures } from './unigram.ts';
