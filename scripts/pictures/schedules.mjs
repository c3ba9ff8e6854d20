// Draws docs/pictures/schedules.svg: p(t) and w(t) of every schedule, from the code that draws the passes. `npm run pictures`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { noiseForm } from '../../dist/core/noise.js';
import { levels, scheduleOf } from '../../dist/noise/index.js';

const PANELS = [
  ['linear', { schedule: 'linear' }, 'LLaDA, SMDM'],
  ['log-linear', { schedule: 'log-linear' }, 'MDLM, SEDD, BD3-LM'],
  ['cosine', { schedule: 'cosine' }, 'MDLM'],
  ['polynomial, t²', { schedule: 'polynomial', exponent: 2 }, 'BD3-LM'],
  ['polynomial, √t', { schedule: 'polynomial', exponent: 0.5 }, 'BD3-LM'],
  ['geometric', { schedule: 'geometric' }, 'SEDD, MDLM'],
  ['clipped', { schedule: 'clipped' }, 'BD3-LM, LLaDA 2.0'],
];
const [COLUMNS, WIDE, HIGH, GAP, LEFT, TOP] = [4, 200, 180, 88, 52, 84];
const [INK, SOFT, GRID, P, W] = ['#1f2933', '#6b7785', '#e4e7eb', '#1d5fb4', '#d1495b'];
const POINTS = 240;
/** w on a logarithmic axis, over the whole height. */
const [LEAST, MOST] = [0.1, 1000];

const fixed = (value) => value.toFixed(1);
const text = (x, y, content, size, color, anchor = 'start', weight = 400) =>
  `<text x="${fixed(x)}" y="${fixed(y)}" font-size="${size}" fill="${color}" text-anchor="${anchor}" font-weight="${weight}">${content}</text>`;
const polyline = (points, color) =>
  `<polyline fill="none" stroke="${color}" stroke-width="2.2" stroke-linejoin="round" points="${points.map(([x, y]) => `${fixed(x)},${fixed(y)}`).join(' ')}"/>`;

function panel([title, settings, usedBy], index) {
  const left = LEFT + (index % COLUMNS) * (WIDE + GAP);
  const top = TOP + Math.floor(index / COLUMNS) * (HIGH + 84);
  const form = noiseForm(settings);
  const times = Float64Array.from({ length: POINTS }, (_, i) => (i + 0.5) / POINTS);
  const { p, weight } = levels(form, false, scheduleOf(form.schedule, form), times, new Int32Array(POINTS).fill(1));
  const x = (t) => left + t * WIDE;
  const ofP = (value) => top + (1 - value) * HIGH;
  const ofW = (value) => top + (1 - Math.log(value / LEAST) / Math.log(MOST / LEAST)) * HIGH;
  const inside = [...times]
    .map((t, i) => [x(t), ofW(weight[i]), weight[i]])
    .filter(([, , w]) => w >= LEAST && w <= MOST);
  return [
    text(left, top - 24, title, 15, INK, 'start', 600),
    text(left, top - 8, usedBy, 11, SOFT),
    ...[0, 0.25, 0.5, 0.75, 1].map(
      (share) =>
        `<line x1="${fixed(left)}" x2="${fixed(left + WIDE)}" y1="${fixed(ofP(share))}" y2="${fixed(ofP(share))}" stroke="${GRID}"/>` +
        text(left - 7, ofP(share) + 4, String(share), 11, P, 'end'),
    ),
    ...[0.1, 1, 10, 100, 1000].map((value) => text(left + WIDE + 6, ofW(value) + 4, String(value), 11, W)),
    ...[0, 0.5, 1].map((t) => text(x(t), top + HIGH + 17, String(t), 11, SOFT, 'middle')),
    text(left + WIDE / 2, top + HIGH + 32, 't', 12, INK, 'middle'),
    polyline(
      [...times].map((t, i) => [x(t), ofP(p[i])]),
      P,
    ),
    polyline(inside, W),
  ].join('\n');
}

export function drawSchedules() {
  const width = LEFT + COLUMNS * (WIDE + GAP);
  const height = TOP + 2 * (HIGH + 84) - 24;
  const legend = [
    [P, 'p(t), chance of a token to be masked (left axis)', 0],
    [W, 'w(t), weight of a masked token (right axis, logarithmic)', 350],
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="Helvetica, Arial, 'DejaVu Sans', sans-serif">`,
    '<title>Noise schedules</title>',
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...legend.map(
      ([color, label, at]) =>
        `<line x1="${LEFT + at}" x2="${LEFT + at + 24}" y1="26" y2="26" stroke="${color}" stroke-width="2.4"/>${text(LEFT + at + 31, 30, label, 13, INK)}`,
    ),
    ...PANELS.map(panel),
    '</svg>\n',
  ].join('\n');
}

if (process.argv[1] === import.meta.filename) {
  mkdirSync('docs/pictures', { recursive: true });
  writeFileSync('docs/pictures/schedules.svg', drawSchedules());
}
