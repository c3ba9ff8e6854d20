import { relative } from 'node:path';

/** A number as people read it, with commas; Intl takes 13 ms to begin. */
export const integer = (n: number): string => String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ',');
/** `1 file`, `2 files`. */
export const count = (n: number, noun: string): string =>
  `${integer(n)} ${noun}${n === 1 ? '' : noun.endsWith('s') ? 'es' : 's'}`;
export const percent = (share: number): string => `${(100 * share).toFixed(share > 0.9995 || share < 0.01 ? 2 : 1)} %`;

export function bytes(n: number): string {
  if (n < 1024) return `${n} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  const exponent = Math.min(Math.floor(Math.log2(n) / 10), units.length);
  return `${(n / 1024 ** exponent).toFixed(1)} ${units[exponent - 1]}`;
}

export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

/** Text in columns; the last one is not padded. */
export function columns(rows: readonly (readonly string[])[], indent = ''): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  return rows
    .map((row) => indent + row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!))).join('  '))
    .join('\n');
}

export const bar = (share: number, width: number): string => {
  const eighths = Math.round(share * width * 8);
  return '█'.repeat(Math.floor(eighths / 8)) + ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8];
};

/** Text from a corpus, made safe for a terminal: no control or direction-changing character gets through. */
export const safe = (text: string): string =>
  // oxlint-disable-next-line no-control-regex
  text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\uFFFD');

/** A path as one would type it here. */
export function shownPath(path: string): string {
  const from = relative(process.cwd(), path);
  return from.startsWith('..') ? path : from || '.';
}

/** 10^9 operations a second, as `180` or `0.6`. */
export const speed = (gigaflops: number | null): string => (gigaflops ?? 0).toFixed((gigaflops ?? 0) < 10 ? 1 : 0);
