import { COLORS, fixed, header, text } from '../record/svg.ts';

/** A grid of shares, drawn as squares from red (0) over yellow to green (1). */
export interface HeatMap {
  readonly title: string;
  readonly subtitle: string;
  readonly across: string;
  readonly down: string;
  readonly columns: readonly string[];
  readonly panels: readonly Panel[];
}

/** Rows of a heat map under a heading of their own. */
export interface Panel {
  readonly heading: string;
  readonly rows: readonly string[];
  /** [rows][columns], 0 to 1; null: not measured. */
  readonly shares: readonly (readonly (number | null)[])[];
}

const WIDTH = 960;
const LEFT = 120;
const RIGHT = 40;
const ROW = 34;
const TOP = 92;
const { INK, SOFT } = COLORS;
const NOT_MEASURED = '#eef0f3';
/** Red, yellow, green at 0, 1/2 and 1: lightness rises evenly, so that the map reads in grey too. */
const SCALE = [
  [178, 52, 58],
  [242, 200, 98],
  [150, 214, 150],
] as const;

/** The map as an SVG picture; the same bytes for the same numbers. */
export function heatMapSvg({ title, subtitle, across, down, columns, panels }: HeatMap): string {
  const cell = (WIDTH - LEFT - RIGHT) / columns.length;
  const parts: string[] = [];
  let y = TOP;
  for (const { heading, rows, shares } of panels) {
    if (heading !== '') {
      parts.push(text(LEFT, y + 12, heading, 13, INK, 'start', 600));
      y += 24;
    }
    const middle = y + (rows.length * ROW) / 2;
    parts.push(`<g transform="rotate(-90)">${text(-middle, 26, down, 13, INK, 'middle')}</g>`);
    for (const [r, row] of rows.entries()) {
      parts.push(text(LEFT - 12, y + ROW / 2 + 4, row, 12, SOFT, 'end'));
      for (const [c, share] of shares[r]!.entries()) {
        const x = LEFT + c * cell;
        parts.push(
          `<rect x="${fixed(x + 1)}" y="${fixed(y + 1)}" width="${fixed(cell - 2)}" height="${ROW - 2}" rx="3" fill="${share === null ? NOT_MEASURED : colour(share)}"/>`,
        );
        if (share !== null) parts.push(text(x + cell / 2, y + ROW / 2 + 4, percent(share), 12, INK, 'middle', 600));
      }
      y += ROW;
    }
    for (const [c, column] of columns.entries())
      parts.push(text(LEFT + (c + 0.5) * cell, y + 18, column, 12, SOFT, 'middle'));
    y += 40;
  }
  const height = y + 24;
  return [
    header(WIDTH, height, title),
    text(LEFT, 34, title, 19, INK, 'start', 600),
    text(LEFT, 58, subtitle, 13, SOFT),
    ...parts,
    text(LEFT + (WIDTH - LEFT - RIGHT) / 2, height - 18, across, 13, INK, 'middle'),
    '</svg>\n',
  ].join('\n');
}

const percent = (share: number): string => `${Math.round(100 * share)} %`;

function colour(share: number): string {
  const at = 2 * Math.min(1, Math.max(0, share));
  const [low, high] = at < 1 ? [SCALE[0], SCALE[1]] : [SCALE[1], SCALE[2]];
  const mix = low.map((from, i) => Math.round(from + (high[i]! - from) * (at < 1 ? at : at - 1)));
  return `#${mix.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}
