import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { TokenRun } from '../../src/core/document.ts';
import { isPrepError } from '../../src/core/errors.ts';
import { loadFilter } from '../../src/mix/index.ts';
import { temporaryFolder } from '../support/folders.ts';
import { documentOf } from '../support/documents.ts';

const dir = temporaryFolder();
mkdirSync(dir, { recursive: true });
let modules = 0;
function moduleOf(source: string): string {
  const path = join(dir, `filter-${modules++}.mjs`);
  writeFileSync(path, source);
  return path;
}
const run = (text: string, record = 7): TokenRun => ({
  ids: new Int32Array(3),
  document: documentOf(text, record, { id: 'x' }),
});
async function problem(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (isPrepError(error) && error.code === 'FILTER_FAILED') return error.message;
    throw error;
  }
  return 'none';
}

test('a filter sees text, id, source and tokens, and says what stays', async () => {
  const path = moduleOf(`export default ({ text, id, source, tokens }) =>
    text === '\\ufeffä' ? { reason: [id, source, tokens].join('-') } : text === 'stay';`);
  const filter = (await loadFilter(path))();
  expect(filter(run('stay'), 's', 'f')).toBe(null);
  expect(filter(run('go'), 's', 'f')).toBe('filter');
  expect(filter(run('\ufeffä'), 's', 'f')).toBe('filter: x-s-3');
});

test.each([
  ['is no module', 'export default ???', /it cannot be loaded/],
  ['has no default export', 'export const filter = () => true;', /no default export/],
  ['exports something else', 'export default { filter: 1 };', /no default export that is a function/],
])('a module that %s is refused', async (_, source, expected) => {
  const path = moduleOf(source);
  const message = await problem(() => loadFilter(path));
  expect(message).toContain(path);
  expect(message).toMatch(expected);
});

test.each([
  ['throws', "() => { throw new Error('no luck') }", /it throws no luck/],
  ['throws what has no message', '() => { throw null }', /it throws null/],
  ['answers nothing', '() => undefined', /neither true nor false/],
  ['answers a number', '() => 1', /neither true nor false/],
  ['answers null', '() => null', /neither true nor false/],
  ['answers later', 'async () => true', /promise/],
  ['gives a reason that is no name', "() => ({ reason: 'a\\nb' })", /letters, digits/],
  ['gives a new reason each time', '({ text }) => ({ reason: text })', /more than 100 reasons/],
])('one that %s is told with file and record', async (_, body, expected) => {
  const filter = (await loadFilter(moduleOf(`export default ${body};`)))();
  const message = await problem(async () => {
    for (let i = 0; i < 101; i++) filter(run(`r${i}`), 'source', 'books/a.jsonl');
  });
  expect(message).toMatch(/on books\/a\.jsonl, record 7: /);
  expect(message).toMatch(expected);
});
