import { type Command, Option } from 'commander';
import { usageError } from '../../core/errors.ts';
import { ADAMW, type RunSettings } from '../../train/index.ts';
import { betas, count, decay, notNegative, positive } from './numbers.ts';

/** What decides how a step changes the weights. */
export interface LearningFlags {
  lr: number;
  schedule: 'cosine' | 'constant';
  minLr?: number;
  warmup: number;
  clip: number;
  weightDecay: number;
  betas: [number, number];
  ema?: number;
  maxSpike: number;
}

export function learningOf(flags: LearningFlags): Pick<RunSettings, 'schedule' | 'optimizer' | 'maxSpike'> {
  const { lr, minLr, schedule, warmup, maxSpike } = flags;
  if (minLr !== undefined && schedule === 'constant')
    throw usageError('--min-lr is what a cosine ends at; --schedule constant has none');
  if (minLr !== undefined && minLr > lr) throw usageError(`--min-lr ${minLr} is above --lr ${lr}`);
  const [beta1, beta2] = flags.betas;
  const { weightDecay, clip: clipNorm, ema: averageDecay = null } = flags;
  return {
    schedule: { peak: lr, warmup, shape: schedule, floor: minLr ?? lr / 10 },
    optimizer: { ...ADAMW, beta1, beta2, weightDecay, clipNorm, averageDecay },
    maxSpike,
  };
}

export const withLearning = (program: Command): Command =>
  program
    .option('--lr <rate>', 'peak learning rate', positive, 0.005)
    .addOption(
      new Option('--schedule <shape>', 'of the learning rate after the warm-up')
        .choices(['cosine', 'constant'])
        .default('cosine'),
    )
    .option('--min-lr <rate>', 'what the cosine ends at (default: a tenth of --lr)', notNegative)
    .option('--warmup <steps>', 'steps of rising learning rate', count, 10)
    .option(
      '--clip <norm>',
      'scale gradients of a larger global norm down to it; 0: never',
      notNegative,
      ADAMW.clipNorm,
    )
    .option('--weight-decay <rate>', 'AdamW’s, decoupled; not on norms and embeddings', notNegative, ADAMW.weightDecay)
    .option('--betas <b1,b2>', 'AdamW’s decays of its two moments', betas, [ADAMW.beta1, ADAMW.beta2])
    .option('--ema <decay>', 'keep a moving average of the weights too, in OUT/ema, such as 0.999', decay)
    .option(
      '--max-spike <factor>',
      'end the run when gradients of three steps in a row are this many times their running mean, or their loss is twice that of guessing; 0: only when it is not finite',
      notNegative,
      100,
    );
