import type { Breakdown } from './breakdown.ts';
import { type CurvePoint, thinned } from './curve-points.ts';
import { COLORS, fixed, header, polyline, text, ticks } from './svg.ts';

/** What was measured at a step. */
export type BreakdownPoint = Breakdown & { readonly step: number; readonly of: 'training' | 'held-out' };

const { INK, SOFT, GRID, SMOOTH, HELD_OUT } = COLORS;
const WIDTH = 960;
const LEFT = 56;
const COLUMNS = 5;
const PANEL = { width: 168, height: 104, gapX: 14, gapY: 40 };
const RIGHT = LEFT + COLUMNS * (PANEL.width + PANEL.gapX) - PANEL.gapX;
/** Points that a panel draws of a long run: it is a sixth as wide as the curve. */
const POINTS = 160;

interface Panel {
  readonly title: string;
  readonly training: readonly CurvePoint[];
  readonly heldOut: readonly CurvePoint[];
}

/** Small multiples as an SVG picture: the cross-entropy by share of masked tokens, and by position in the window. */
export function panelsSvg(title: string, points: readonly BreakdownPoint[]): string {
  const lastStep = points.reduce((last, { step }) => Math.max(last, step), 1);
  const byP = panelsOf(points, 'byP', (from, next) => `p ${from.toFixed(1)} to ${(next ?? 1).toFixed(1)}`);
  const byPosition = panelsOf(
    points,
    'byPosition',
    (from, next) =>
      `${from.toLocaleString('en-US')}${next === undefined ? ' and on' : ` to ${(next - 1).toLocaleString('en-US')}`}`,
  );
  const first = 122;
  const second = first + heightOf(byP) + 48;
  const height = second + heightOf(byPosition) + 8;
  return [
    header(WIDTH, height, title),
    text(LEFT, 34, title, 19, INK, 'start', 600),
    `<line x1="${LEFT}" x2="${LEFT + 24}" y1="58" y2="58" stroke="${SMOOTH}" stroke-width="2"/>`,
    text(LEFT + 31, 62, 'training batches since the last evaluation', 12, INK),
    `<line x1="${LEFT + 290}" x2="${LEFT + 314}" y1="58" y2="58" stroke="${HELD_OUT}" stroke-width="2"/>`,
    text(LEFT + 321, 62, 'held-out windows', 12, INK),
    text(RIGHT, 62, 'nats a masked token, over optimizer steps; last figure of each', 12, SOFT, 'end'),
    ...group('by p, the share of tokens that are masked', byP, first, lastStep),
    ...group('by position in the window', byPosition, second, lastStep),
    '</svg>\n',
  ].join('\n');
}

function panelsOf(
  points: readonly BreakdownPoint[],
  by: 'byP' | 'byPosition',
  name: (from: number, next: number | undefined) => string,
): Panel[] {
  const from = points[0]?.[by].from ?? [];
  const curve = (of: BreakdownPoint['of'], bin: number): CurvePoint[] =>
    points.flatMap((point) => {
      const loss = point[by].loss[bin];
      return point.of === of && typeof loss === 'number' ? [{ step: point.step, loss }] : [];
    });
  return from.map((least, bin) => ({
    title: name(least, from[bin + 1]),
    training: curve('training', bin),
    heldOut: curve('held-out', bin),
  }));
}

const heightOf = (panels: readonly Panel[]): number => Math.ceil(panels.length / COLUMNS) * (PANEL.height + PANEL.gapY);

/** Panels in rows, all with the same axes, so that they compare. */
function group(title: string, panels: readonly Panel[], top: number, lastStep: number): string[] {
  const values = panels.flatMap(({ training, heldOut }) => [...training, ...heldOut].map(({ loss }) => loss));
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const margin = Math.max(0.05, (high - low) * 0.06);
  const range = values.length ? ([Math.max(0, low - margin), high + margin] as const) : ([0, 1] as const);
  return [
    text(LEFT, top - 26, title, 14, INK, 'start', 600),
    ...panels.map((panel, i) => {
      const x = LEFT + (i % COLUMNS) * (PANEL.width + PANEL.gapX);
      const y = top + Math.floor(i / COLUMNS) * (PANEL.height + PANEL.gapY);
      return drawn(panel, x, y, range, lastStep, i % COLUMNS === 0);
    }),
  ];
}

function drawn(
  { title, training, heldOut }: Panel,
  left: number,
  top: number,
  [low, high]: readonly [number, number],
  lastStep: number,
  labelled: boolean,
): string {
  const bottom = top + PANEL.height;
  const right = left + PANEL.width;
  const x = (step: number): number => left + (step / lastStep) * PANEL.width;
  const y = (loss: number): number => bottom - ((loss - low) / (high - low)) * PANEL.height;
  const line = (points: readonly CurvePoint[], color: string): string => {
    const at = thinned(points, POINTS).map(({ step, loss }) => [x(step), y(loss)] as const);
    const [last] = at.slice(-1);
    // One point makes no line.
    const dot = last ? `<circle cx="${fixed(last[0])}" cy="${fixed(last[1])}" r="2.4" fill="${color}"/>` : '';
    return polyline(at, color, 1.6) + dot;
  };
  const last = (heldOut.at(-1) ?? training.at(-1))?.loss;
  return [
    ...ticks(low, high, 4).map(
      (tick) =>
        `<line x1="${left}" x2="${right}" y1="${fixed(y(tick))}" y2="${fixed(y(tick))}" stroke="${GRID}"/>` +
        (labelled ? text(left - 8, y(tick) + 4, String(Number(tick.toFixed(6))), 11, SOFT, 'end') : ''),
    ),
    `<line x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}" stroke="${SOFT}"/>`,
    text(left, top - 5, title, 12, INK),
    last === undefined ? '' : text(right, top - 5, last.toFixed(2), 12, heldOut.length ? HELD_OUT : SMOOTH, 'end', 600),
    text(left, bottom + 14, '0', 10, SOFT),
    text(right, bottom + 14, lastStep.toLocaleString('en-US'), 10, SOFT, 'end'),
    line(training, SMOOTH),
    line(heldOut, HELD_OUT),
  ].join('');
}
