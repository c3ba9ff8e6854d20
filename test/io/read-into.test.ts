import { readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readerInto } from '../../src/io/read-into.ts';
import { temporaryFolder } from '../support/folders.ts';

const dir = temporaryFolder();
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const held = () => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0);

test('of many files the last few stay open', () => {
  const names = Array.from({ length: 40 }, (_, i) => join(dir, `file-${i}`));
  for (const name of names) writeFileSync(name, name);
  const before = held();
  const files = readerInto(8);
  for (const round of [0, 1])
    for (const name of names) {
      const target = new Uint8Array(name.length - round);
      files.read(name, round, target);
      expect(text(target)).toBe(name.slice(round));
    }
  expect(held() - before).toBeLessThanOrEqual(8);
  files.close();
  expect(held()).toBe(before);
});

test('what does not exist is IO_FAILED, and is looked for again', () => {
  const files = readerInto(2);
  const path = join(dir, 'later');
  const three = new Uint8Array(3);
  expect(() => files.read(path, 0, three)).toThrow(expect.objectContaining({ code: 'IO_FAILED' }));
  writeFileSync(path, 'there');
  for (const position of [-1, 3, NaN])
    expect(() => files.read(path, position, three), String(position)).toThrow(/do not exist/);
  files.read(path, 2, three);
  expect(text(three)).toBe('ere');
  truncateSync(path, 3);
  expect(() => files.read(path, 2, three)).toThrow(/ends at byte 3 now/);
  files.close();
});
