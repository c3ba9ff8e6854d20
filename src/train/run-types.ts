import type { ModelConfig } from './model/presets.ts';
import type { AdamWSettings } from './optimizer.ts';
import type { Breakdown } from './record/breakdown.ts';
import type { Schedule } from './schedule.ts';

export interface RunSettings {
  readonly steps: number | null;
  readonly milliseconds: number | null;
  readonly batchWindows: number | null;
  readonly schedule: Schedule;
  readonly optimizer: AdamWSettings;
  /** Multiple of the gradient norm's running mean that is exploding; 0: only what is not finite ends the run. */
  readonly maxSpike: number;
  /** Steps between evaluations. */
  readonly evalEvery: number;
  /** Steps between checkpoints. */
  readonly saveEvery: number;
  readonly seed: number;
  /** Table of masks that the corpus was opened with; null: its own. */
  readonly masks: string | null;
  /** Folder of the checkpoint to go on from; null: a new model. */
  readonly from: string | null;
  /** Goes on from where the run in `out` was. */
  readonly resume: boolean;
  readonly out: string;
}

export type TrainEvent =
  | { readonly kind: 'model'; readonly config: ModelConfig; readonly parameters: { total: number; body: number } }
  | { readonly kind: 'unigram'; readonly crossEntropy: number; readonly tokens: number }
  | { readonly kind: 'notice'; readonly text: string }
  | {
      readonly kind: 'step';
      readonly step: number;
      /** Of the whole run: given, or foreseen from the time left. */
      readonly steps: number;
      readonly epoch: number;
      readonly loss: number;
      readonly crossEntropy: number | null;
      readonly learningRate: number;
      readonly gradientNorm: number;
      readonly tokens: number;
      readonly tokensPerSecond: number;
      readonly secondsLeft: number;
    }
  | {
      readonly kind: 'evaluation';
      readonly step: number;
      readonly loss: number;
      /** Of the moving average of the weights, where there is one. */
      readonly averageLoss?: number;
      /** Held-out tokens it is the mean over; each is seen at several noise levels. */
      readonly heldOutTokens: number;
      readonly final: boolean;
    }
  | ({
      readonly kind: 'breakdown';
      readonly step: number;
      /** Of the training batches since the last evaluation, or of the held-out windows now. */
      readonly of: 'training' | 'held-out';
    } & Breakdown)
  | {
      readonly kind: 'sample';
      /** The prompt is held-out text; false: the corpus has none, and it was trained on. */
      readonly heldOut: boolean;
      readonly prompt: Int32Array;
      readonly continuation: Int32Array;
    }
  | {
      readonly kind: 'files';
      readonly checkpoint: string;
      readonly curve: string;
      readonly breakdown: string;
      readonly metrics: string;
    };

export interface RunResult {
  readonly steps: number;
  /** The signal came before the run was done. */
  readonly interrupted: boolean;
  /** Held-out loss at the end, nats a token; null without validation windows or when interrupted. */
  readonly heldOut: number | null;
  readonly unigram: number | null;
}
