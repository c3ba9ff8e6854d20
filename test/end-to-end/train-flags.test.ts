/** What `train` refuses before it looks for anything. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folders.ts';
import { ROOT, start } from '../support/prep.ts';

const cwd = temporaryFolder();

test.each([
  ['--lr 0.001 --min-lr 0.01', /--min-lr 0.01 is above --lr 0.001/],
  ['--schedule constant --min-lr 0.001', /--schedule constant has none/],
  ['--schedule linear', /Allowed choices are cosine, constant/],
  ['--betas 0.9', /two numbers, such as 0.9,0.95/],
  ['--betas 0.9,0.95,0.99', /two numbers/],
  ['--betas 0.9,1', /a number below 1/],
  ['--ema 1', /a number below 1/],
  ['--clip -1', /a number from 0/],
  ['--max-spike many', /a number from 0/],
  ['--save-every 0', /at least 1/],
])('%s', async (flags, message) => {
  const { code, stderr } = await start(process.execPath, [join(ROOT, 'dist/bundle/train.js'), ...flags.split(' ')], cwd)
    .ended;
  expect(stderr).toMatch(message);
  expect(code).toBe(64);
});

test('all as asked for: then the corpus is looked for', async () => {
  const flags =
    '--lr 0.01 --min-lr 0 --betas 0.9,0.99 --ema 0.999 --clip 0 --weight-decay 0 --max-spike 0 --save-every 3';
  const { stderr } = await start(process.execPath, [join(ROOT, 'dist/bundle/train.js'), ...flags.split(' ')], cwd)
    .ended;
  expect(stderr).toMatch(/^error CORPUS_NOT_FOUND/);
});
