import { type CurvePoint, smoothed, thinned } from './curve-points.ts';
import { COLORS, fixed, header, polyline, text, ticks } from './svg.ts';

export interface CurveData {
  readonly title: string;
  readonly subtitle: string;
  readonly train: readonly CurvePoint[];
  readonly heldOut: readonly CurvePoint[];
  /** Cross-entropy of the training unigram on the held-out tokens, if there are any. */
  readonly unigram: number | null;
}

const WIDTH = 960;
const HEIGHT = 540;
const PLOT = { left: 76, right: 40, top: 96, bottom: 60 };
const { INK, SOFT, GRID, TRAIN, SMOOTH, HELD_OUT, UNIGRAM } = COLORS;

/** The loss curve as an SVG picture, drawn by hand: no dependency, the same bytes for the same numbers. */
export function curveSvg(data: CurveData): string {
  const smooth = smoothed(data.train);
  const lastStep = [...data.train, ...data.heldOut].reduce((last, { step }) => Math.max(last, step), 1);
  const [low, high] = lossRange(data, smooth);
  const xTicks = ticks(0, lastStep, 8).filter(Number.isInteger);
  const yTicks = ticks(low, high, 6);
  const x = (step: number): number => PLOT.left + (step / lastStep) * (WIDTH - PLOT.left - PLOT.right);
  const y = (loss: number): number =>
    PLOT.top + ((high - Math.min(high, Math.max(low, loss))) / (high - low)) * (HEIGHT - PLOT.top - PLOT.bottom);
  const line = (points: readonly CurvePoint[], color: string, width: number, opacity = 1): string =>
    polyline(
      thinned(points).map(({ step, loss }) => [x(step), y(loss)]),
      color,
      width,
      opacity,
    );
  const dots = thinned(data.heldOut)
    .map(
      ({ step, loss }) =>
        `<circle cx="${fixed(x(step))}" cy="${fixed(y(loss))}" r="4.5" fill="${HELD_OUT}" stroke="#fff" stroke-width="1.5"/>`,
    )
    .join('');
  const right = WIDTH - PLOT.right;
  const bottom = HEIGHT - PLOT.bottom;
  return [
    header(WIDTH, HEIGHT, data.title),
    text(PLOT.left, 34, data.title, 19, INK, 'start', 600),
    text(PLOT.left, 56, data.subtitle, 13, SOFT),
    legend(data),
    ...yTicks.map(
      (tick) =>
        `<line x1="${PLOT.left}" x2="${right}" y1="${fixed(y(tick))}" y2="${fixed(y(tick))}" stroke="${GRID}"/>` +
        text(PLOT.left - 10, y(tick) + 4, String(Number(tick.toFixed(6))), 12, SOFT, 'end'),
    ),
    ...xTicks.map((tick) => text(x(tick), bottom + 20, tick.toLocaleString('en-US'), 12, SOFT, 'middle')),
    `<line x1="${PLOT.left}" x2="${right}" y1="${bottom}" y2="${bottom}" stroke="${SOFT}"/>`,
    text((PLOT.left + right) / 2, HEIGHT - 16, 'optimizer step', 13, INK, 'middle'),
    `<g transform="rotate(-90)">${text(-(PLOT.top + bottom) / 2, 24, 'loss (nats a token)', 13, INK, 'middle')}</g>`,
    line(data.train, TRAIN, 1, 0.8),
    line(smooth, SMOOTH, 2.4),
    data.unigram === null ? '' : unigramLine(data.unigram, y(data.unigram), right),
    line(data.heldOut, HELD_OUT, 1.6),
    dots,
    '</svg>\n',
  ].join('\n');
}

function unigramLine(unigram: number, at: number, right: number): string {
  return (
    `<line x1="${PLOT.left}" x2="${right}" y1="${fixed(at)}" y2="${fixed(at)}" stroke="${UNIGRAM}" stroke-width="1.6" stroke-dasharray="7 5"/>` +
    `<rect x="${right - 262}" y="${fixed(at - 21)}" width="262" height="17" fill="#ffffff" fill-opacity="0.85"/>` +
    text(right - 4, at - 8, `training unigram on held-out: ${unigram.toFixed(3)}`, 12, UNIGRAM, 'end', 600)
  );
}

function legend({ heldOut, train }: CurveData): string {
  const items = [
    ...(train.length ? [['one batch', TRAIN, 1.5] as const, ['smoothed', SMOOTH, 2.4] as const] : []),
    ...(heldOut.length ? [['held-out windows', HELD_OUT, 2.4] as const] : []),
  ];
  return items
    .map(([label, color, width], i) => {
      const at = PLOT.left + i * 130;
      return `<line x1="${at}" x2="${at + 24}" y1="76" y2="76" stroke="${color}" stroke-width="${width}"/>${text(at + 31, 80, label, 12, INK)}`;
    })
    .join('');
}

/** From the curves that matter; single batches may leave the frame. */
function lossRange({ heldOut, unigram, train }: CurveData, smooth: readonly CurvePoint[]): [number, number] {
  const settled = train.map(({ loss }) => loss).toSorted((a, b) => a - b);
  const middle = [settled[Math.floor(settled.length * 0.02)] ?? 0, settled[Math.floor(settled.length * 0.98)] ?? 1];
  const values = [...smooth, ...heldOut]
    .map(({ loss }) => loss)
    .concat(unigram ?? [], middle)
    .filter(Number.isFinite);
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const margin = Math.max(0.05, (high - low) * 0.06);
  return [Math.max(0, low - margin), high + margin];
}
