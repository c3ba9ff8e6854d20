const UNITS: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 };

/** `131072`, `"128k"` (1024s, as context lengths are named), `"32MiB"` to a number; NaN where it is none. */
export function quantity(value: number | string): number {
  if (typeof value === 'number') return value;
  const match = /^([0-9]{1,12}) ?([a-z]*)$/i.exec(value);
  const unit = match?.[2]?.toLowerCase() ?? '';
  return match ? Number(match[1]) * (unit === '' ? 1 : (UNITS[unit] ?? Number.NaN)) : Number.NaN;
}
