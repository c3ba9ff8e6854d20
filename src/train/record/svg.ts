/** What the pictures of a run share: drawn by hand, the same bytes for the same numbers. */
export const COLORS = {
  INK: '#1f2933',
  SOFT: '#6b7785',
  GRID: '#e4e7eb',
  TRAIN: '#9db8dc',
  SMOOTH: '#1d5fb4',
  HELD_OUT: '#d1495b',
  UNIGRAM: '#2e7d4f',
} as const;

/** Round numbers in [low, high], about `count` of them. */
export function ticks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const size = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(low / size);
  return Array.from({ length: Math.floor(high / size) - first + 1 }, (_, i) => (first + i) * size);
}

export const fixed = (value: number): string => value.toFixed(1);
const escapeXml = (value: string): string =>
  // oxlint-disable-next-line no-control-regex
  value.replace(/[\u0000-\u001f]/g, ' ').replace(/[&<>"']/g, (c) => `&#${c.codePointAt(0)};`);

/** The beginning of a picture, up to its white ground. */
export const header = (width: number, height: number, title: string): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="Helvetica, Arial, 'DejaVu Sans', sans-serif">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
  ].join('\n');

export const text = (
  x: number,
  y: number,
  content: string,
  size: number,
  color: string,
  anchor: 'start' | 'middle' | 'end' = 'start',
  weight = 400,
): string =>
  `<text x="${fixed(x)}" y="${fixed(y)}" font-size="${size}" fill="${color}" text-anchor="${anchor}" font-weight="${weight}">${escapeXml(content)}</text>`;

/** A line through points [x, y] of the picture; nothing where there are not two. */
export const polyline = (
  points: readonly (readonly [number, number])[],
  color: string,
  width: number,
  opacity = 1,
): string =>
  points.length < 2
    ? ''
    : `<polyline fill="none" stroke="${color}" stroke-width="${width}" stroke-opacity="${opacity}" stroke-linejoin="round" ` +
      `points="${points.map(([x, y]) => `${fixed(x)},${fixed(y)}`).join(' ')}"/>`;
