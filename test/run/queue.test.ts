/** What a queue leaves to others, and what it learns of them after it has looked what is done. */
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { openPlan } from '../../src/run/plan.ts';
import { Queue } from '../../src/run/queue.ts';
import { whatIsDone } from '../../src/run/receipts.ts';
import { temporaryFolder } from '../support/folders.ts';
import { prep, runPrep, TOKENIZER } from '../support/prep.ts';

const cwd = temporaryFolder();
const lines = Array.from({ length: 400 }, (_, k) => `{"text":"${k * k} and ${Math.sin(k)} are numbers."}\n`).join('');
writeFileSync(join(cwd, 'a.jsonl'), lines);
writeFileSync(join(cwd, 'b.jsonl.gz'), gzipSync(lines));
const flags = ['--tokenizer', TOKENIZER, '--window', '256', '--split-bytes', '4KiB'];

test.each(['a.jsonl', 'b.jsonl.gz'])('what was done elsewhere after the look is not made again: %s', async (input) => {
  const out = `out-${input}`;
  const dir = join(cwd, out);
  await prep(['plan', input, '--out', out, ...flags], { cwd });
  const { plan, local } = await openPlan(dir, {});
  const before = await whatIsDone(plan, dir, false);
  await prep(['pack', out], { cwd });
  rmSync(join(dir, 'receipts/00000-end.json'), { force: true });
  const entries: number[] = [];
  const given: unknown[] = [];
  const events = {
    changed() {},
    progress() {},
    entryDone: (entry: number) => entries.push(entry),
    failed: (error: unknown) => given.push(error),
  };
  const queue = new Queue({ plan, dir, root: local.root }, before, 1, events);
  while (!queue.finished && given.length === 0) {
    given.push(...[await queue.take()].filter((task) => task !== undefined));
    await sleep(5);
  }
  await queue.close();
  expect(given).toEqual([]);
  expect(entries).toEqual(plan.splits.map((_, i) => i));
});

test('splits that may be too many for their numbers are refused when they are planned', async () => {
  writeFileSync(join(cwd, 'huge.jsonl.gz'), '');
  truncateSync(join(cwd, 'huge.jsonl.gz'), 20e9);
  const { code, stderr } = await runPrep(['plan', 'huge.jsonl.gz', '--out', 'huge', ...flags], { cwd });
  expect([code, stderr]).toEqual([65, expect.stringMatching(/CONFIG_INVALID: pipeline: `split_bytes` is 4096, which/)]);
});
