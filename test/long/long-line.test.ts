/** A line of 600 MiB, more than a JavaScript string can hold, under a cap: set aside with its place, in bounded memory. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cutParts, inputFile } from '../../src/read/index.ts';
import { folder, readAll } from '../read/fixture.ts';

const MiB = 1024 * 1024;
const [LINE, CAP] = [600 * MiB, 64 * MiB];
const dir = folder();

test.each(['jsonl', 'json'])(
  'a line of 600 MiB in a .%s: rejected with its offset, the next one read',
  async (format) => {
    const path = join(dir, `long.${format}`);
    const [open, between, close] = format === 'json' ? ['[', ',', ']'] : ['', '\n', '\n'];
    const before = `${open}{"text":"first"}${between}`;
    const file = openSync(path, 'w');
    writeSync(file, `${before}{"text":"`);
    for (let done = 0; done < LINE; done += MiB) writeSync(file, Buffer.alloc(MiB, 'x'));
    writeSync(file, `"}${between}{"text":"next"}${close}`);
    closeSync(file);

    const started = process.memoryUsage().rss;
    let peak = 0;
    const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 20);
    const input = await inputFile(path, dir);
    const { texts, rejects } = await readAll([input], await cutParts(input, 0, 2 ** 40), { documentBytes: CAP });
    clearInterval(watch);
    expect(texts).toEqual(['first', 'next']);
    expect(rejects).toMatchObject([{ record: 1, offset: before.length, reason: 'too-large' }]);
    expect(peak).toBeGreaterThan(0);
    expect(peak - started).toBeLessThan(4 * CAP);
  },
);
