/** The pictures of the documentation are what the code draws now: `npm run pictures`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/prep.ts';

test('docs/pictures/schedules.svg is what the schedules are', async () => {
  const { drawSchedules } = (await import(join(ROOT, 'scripts/pictures/schedules.mjs'))) as { drawSchedules(): string };
  expect(readFileSync(join(ROOT, 'docs/pictures/schedules.svg'), 'utf8')).toBe(drawSchedules());
});

test('docs/pictures/masks.svg is what the policies are', async () => {
  const { drawMasks } = (await import(join(ROOT, 'scripts/pictures/masks.mjs'))) as { drawMasks(): string };
  expect(readFileSync(join(ROOT, 'docs/pictures/masks.svg'), 'utf8')).toBe(drawMasks());
});
