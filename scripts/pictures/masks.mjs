// Draws docs/pictures/masks.svg: who may see whom under every policy, from the code that writes the masks. `npm run pictures`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { denseMask, groupOffsets, POLICIES } from '../../dist/mask/index.js';

/** Four documents of which the first two are of one group, and padding. */
const [LENGTHS, GROUPS, WINDOW, DIFFUSION_BLOCK] = [[14, 8, 12, 9], [0, 0, 1, 2], 48, 4];
const PANELS = [
  ['adaptive', 'a document sees all of itself'],
  ['eod', 'all see all; an end token after each document'],
  ['direct', 'all see all; nothing inserted'],
  ['hybrid', 'documents of one group see each other'],
  ['document-causal', 'what stands before, in the document'],
  ['block-diffusion', `blocks of ${DIFFUSION_BLOCK}; noisy rows above, clean ones below`],
];
const [COLUMNS, SIZE, GAP, LEFT, TOP] = [3, 288, 56, 40, 96];
const [INK, SOFT, EMPTY, LINE, PADDING] = ['#1f2933', '#6b7785', '#f4f5f7', '#ffffff', '#c5ccd4'];
const COLORS = ['#1d5fb4', '#6fa3dd', '#d1495b', '#e2a13b'];

const segments = LENGTHS.map((length, i) => ({
  start: LENGTHS.slice(0, i).reduce((sum, n) => sum + n, 0),
  length,
  group: GROUPS[i],
}));
const tokens = LENGTHS.reduce((sum, n) => sum + n, 0);
const ends = [...segments.map(({ start, length }) => start + length), WINDOW];
const colorOf = (token) => COLORS[segments.findIndex(({ start, length }) => token < start + length)] ?? PADDING;

const fixed = (value) => value.toFixed(2).replace(/\.?0+$/, '');
const text = (x, y, content, size, color, anchor = 'start', weight = 400) =>
  `<text x="${fixed(x)}" y="${fixed(y)}" font-size="${size}" fill="${color}" text-anchor="${anchor}" font-weight="${weight}">${content}</text>`;
const rect = (x, y, width, height, fill) =>
  `<rect x="${fixed(x)}" y="${fixed(y)}" width="${fixed(width)}" height="${fixed(height)}" fill="${fill}"/>`;

function panel([policy, says], index) {
  const left = LEFT + (index % COLUMNS) * (SIZE + GAP);
  const top = TOP + Math.floor(index / COLUMNS) * (SIZE + 92);
  const cuSeqlens = groupOffsets(segments, tokens, WINDOW, policy);
  const dense = denseMask({ policy, cuSeqlens }, DIFFUSION_BLOCK);
  const rows = Math.sqrt(dense.length);
  const cell = SIZE / rows;
  const shapes = [rect(left, top, SIZE, SIZE, EMPTY)];
  for (let row = 0; row < rows; row++)
    for (let key = 0; key < rows;) {
      if (!dense[row * rows + key]) {
        key++;
        continue;
      }
      // A run of keys of one document.
      const color = colorOf(key % WINDOW);
      const from = key;
      while (key < rows && dense[row * rows + key] && colorOf(key % WINDOW) === color && (key === from || key % WINDOW))
        key++;
      shapes.push(rect(left + from * cell, top + row * cell, (key - from) * cell, cell, color));
    }
  const halves = rows / WINDOW;
  for (let half = 0; half < halves; half++)
    for (const end of ends.slice(0, -1)) {
      const at = fixed((half * WINDOW + end) * cell);
      shapes.push(
        `<path d="M${left} ${fixed(top + Number(at))}h${SIZE}M${fixed(left + Number(at))} ${top}v${SIZE}" stroke="${LINE}" stroke-width="1" fill="none"/>`,
      );
    }
  if (halves === 2)
    shapes.push(
      `<path d="M${left} ${top + SIZE / 2}h${SIZE}M${left + SIZE / 2} ${top}v${SIZE}" stroke="${INK}" stroke-width="1.4" fill="none"/>`,
    );
  // End tokens, as ticks at the margin of their rows.
  if (POLICIES[policy].separator)
    for (const { start, length } of segments)
      shapes.push(rect(left - 9, top + (start + length - 1) * cell, 7, cell, INK));
  return [
    text(left, top - 26, policy, 15, INK, 'start', 600),
    text(left, top - 10, says, 11.5, SOFT),
    ...shapes,
    ...(halves === 2
      ? ['noisy', 'clean'].map((name, i) =>
          text(left + SIZE * (0.25 + 0.5 * i), top + SIZE + 16, `${name} keys`, 11, SOFT, 'middle'),
        )
      : [text(left + SIZE / 2, top + SIZE + 16, 'keys', 11, SOFT, 'middle')]),
  ].join('\n');
}

export function drawMasks() {
  const width = LEFT + COLUMNS * (SIZE + GAP) - GAP + 24;
  const height = TOP + 2 * (SIZE + 92) - 56;
  const legend = [
    ...LENGTHS.map((n, i) => [COLORS[i], `document of ${n}`]),
    [PADDING, `padding of ${WINDOW - tokens}`],
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="Helvetica, Arial, 'DejaVu Sans', sans-serif">`,
    '<title>Attention masks of the boundary policies</title>',
    rect(0, 0, width, height, '#ffffff'),
    ...legend.flatMap(([color, name], i) => [
      rect(LEFT + i * 134, 20, 12, 12, color),
      text(LEFT + 18 + i * 134, 30.5, name, 12, INK),
    ]),
    rect(LEFT + 5 * 134, 22.5, 7, 6, INK),
    text(LEFT + 14 + 5 * 134, 30.5, 'end token’s row', 12, INK),
    ...PANELS.map(panel),
    '</svg>\n',
  ].join('\n');
}

if (process.argv[1] === import.meta.filename) {
  mkdirSync('docs/pictures', { recursive: true });
  writeFileSync('docs/pictures/masks.svg', drawMasks());
}
