import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { stat } from '../../src/io/files.ts';
import { statAll } from '../../src/io/look.ts';
import { readNow, statNow } from '../../src/io/now.ts';

const dir = mkdtempSync(join(tmpdir(), 'ultraprep-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const file = join(dir, 'file');
writeFileSync(file, 'some bytes');

test('a look at once finds what a look finds', async () => {
  for (const path of [file, dir, join(dir, 'none'), join(file, 'below')])
    expect(statNow(path)).toEqual(await stat(path));
  expect(statNow(join(dir, 'none'))).toBeUndefined();
  expect(statNow(file)).toMatchObject({ kind: 'file', size: 10 });
});

test('looks at many are in the order of their names, those that are not there too', async () => {
  mkdirSync(join(dir, 'many'));
  const sizes = Array.from({ length: 600 }, (_, i) => (i % 7 === 0 ? undefined : i));
  const paths = sizes.map((size, i) => {
    const path = join(dir, 'many', String(i));
    if (size !== undefined) writeFileSync(path, 'x'.repeat(size));
    return path;
  });
  expect((await statAll(paths)).map((found) => found?.size)).toEqual(sizes);
});

test('a range is read whole, or the error names the file', () => {
  expect(Buffer.from(readNow(file, 5, 10)).toString()).toBe('bytes');
  for (const read of [() => readNow(file, 5, 11), () => readNow(dir, 0, 1), () => readNow(join(dir, 'none'), 0, 1)])
    expect(read).toThrow(expect.objectContaining({ code: 'IO_FAILED' }));
  expect(() => readNow(file, 5, 11)).toThrow('it ends at byte 10 now');
});
