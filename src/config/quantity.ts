const UNITS: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 };

/** `131072`, `"128k"` (1024s, as context lengths are named), `"32MiB"` to a number; NaN where it is none. */
export function quantity(value: number | string): number {
  if (typeof value === 'number') return value;
  const match = /^([0-9]{1,12}) ?([a-z]*)$/i.exec(value);
  const unit = match?.[2]?.toLowerCase() ?? '';
  return match ? Number(match[1]) * (unit === '' ? 1 : (UNITS[unit] ?? Number.NaN)) : Number.NaN;
}

/** Of a budget, by the letters that people say: `10B` is ten billion. */
const THOUSANDS: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, g: 1e9, b: 1e9, t: 1e12 };

/** `10000000`, `"60k"`, `"1.5B"` (1000s, as corpora are counted) to a number of tokens; NaN where it is none. */
export function budget(value: number | string): number {
  if (typeof value === 'number') return value;
  const [, digits = '', unit = ''] = /^([0-9]{1,16}(?:\.[0-9]{1,12})?) ?([kmgbt]?)$/i.exec(value) ?? [];
  if (digits === '') return Number.NaN;
  const tokens = Number(digits) * (THOUSANDS[unit.toLowerCase()] ?? 1);
  // 1.1 * 1e9 and the like are off by less than a token.
  const whole = Math.round(tokens);
  return Math.abs(tokens - whole) < 1e-3 ? whole : Number.NaN;
}
