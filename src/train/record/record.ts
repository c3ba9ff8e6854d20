import { MAX_METADATA_BYTES } from '../../core/limits.ts';
import { commitFile } from '../../io/commit.ts';
import { exists, readAll } from '../../io/files.ts';
import { curveSvg } from './curve.ts';
import type { CurvePoint } from './curve-points.ts';
import type { ModelConfig } from '../model/presets.ts';

/** What a run has reported so far. */
export interface RunRecord {
  readonly title: string;
  readonly config: ModelConfig;
  readonly unigram: number | null;
  readonly lines: (CurvePoint & { readonly kind: string; readonly tokens?: number })[];
}

/** Writes `metrics.jsonl` (a line a step or evaluation) and `curve.svg`, each whole or not at all. */
export async function recordRun(out: string, { title, config, unigram, lines }: RunRecord): Promise<void> {
  await commitFile(`${out}/metrics.jsonl`, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const train = lines.filter(({ kind }) => kind === 'step');
  const shape = `${config.layers} layers of width ${config.dModel}, vocabulary ${config.vocabSize.toLocaleString('en-US')}`;
  const tokens = train.at(-1)?.tokens ?? 0;
  const svg = curveSvg({
    title: `Masked diffusion loss on ${title}`,
    subtitle: `${shape}; ${tokens.toLocaleString('en-US')} tokens in ${train.length.toLocaleString('en-US')} steps`,
    train,
    heldOut: lines.filter(({ kind }) => kind === 'evaluation'),
    unigram,
  });
  await commitFile(`${out}/curve.svg`, svg);
}

/** What a run recorded up to a step, that included; nothing where there is no record. */
export async function recordedUntil(out: string, step: number): Promise<RunRecord['lines']> {
  const path = `${out}/metrics.jsonl`;
  if (!(await exists(path))) return [];
  const text = new TextDecoder().decode(await readAll(path, MAX_METADATA_BYTES));
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as RunRecord['lines'][number]).filter((line) => line.step <= step);
}
