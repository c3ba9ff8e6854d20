/** Threads that end, or are started, when nobody expects it: the run ends, with a word on why, and so does its process. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { receiveRange } from '../../src/run/range-port.ts';
import { newWatched, watchdog, watchInto } from '../../src/run/watchdog.ts';
import { errorOf } from '../read/fixture.ts';
import { writePipeline } from '../support/corpus.ts';
import { temporaryFolder } from '../support/folders.ts';
import { prep, ROOT, runPrep, start, TOKENIZER } from '../support/prep.ts';

const cwd = temporaryFolder();
const settings = {
  name: 'threads',
  inputs: [{ source: 'a', paths: ['a.jsonl'] }],
  tokenizer: TOKENIZER,
  window: 256,
  split_bytes: '4KiB',
};

beforeAll(() => {
  const lines = Array.from({ length: 300 }, (_, k) => `{"text":"Text ${k}, with some words in it."}\n`);
  lines.push('{"text":"stays"}\n');
  writeFileSync(join(cwd, 'a.jsonl'), lines.join(''));
  writePipeline(cwd, settings, 'plain.yaml');
});
afterEach(() => {
  vi.useRealTimers();
});

test('a filter that ends its thread ends the run', async () => {
  writeFileSync(join(cwd, 'exits.mjs'), 'export default () => process.exit(3);\n');
  writePipeline(cwd, { ...settings, filter: 'exits.mjs' }, 'exits.yaml');
  const { code, stderr } = await runPrep(['exits.yaml', '--out', 'exits', '-j', '2'], { cwd });
  expect([code, stderr]).toEqual([65, expect.stringMatching(/^error FILTER_FAILED: .*exits\.mjs: .* status 3/)]);
});

test('reasons are counted in a split, and all of them when they are merged: whoever runs how many', async () => {
  writeFileSync(
    join(cwd, 'many.mjs'),
    "export default ({ text }) => text === 'stays' || { reason: text.split(',')[0] };\n",
  );
  writePipeline(cwd, { ...settings, filter: 'many.mjs' }, 'many.yaml');
  for (const workers of ['1', '3']) {
    const { code, stderr } = await runPrep(['many.yaml', '--out', `many-${workers}`, '-j', workers], { cwd });
    expect([code, stderr]).toEqual([
      65,
      expect.stringMatching(/^error FILTER_FAILED: .*many-\d: the filter gives 300/),
    ]);
  }
});

test('a run that is stopped while it looks for its first split leaves no thread behind', async () => {
  await prep(['plan', 'plain.yaml', '--out', 'plain'], { cwd });
  const script = `
    import { openPlan } from '${ROOT}/dist/run/plan.js';
    import { packLeft } from '${ROOT}/dist/run/pool.js';
    const { plan, local, model } = await openPlan('plain', {});
    const data = { plan, dir: 'plain', root: local.root, filter: null, model, pass: 'pack' };
    const done = { splits: new Map(), streams: new Map(), seen: new Set() };
    const on = { progress() {}, splitDone() {}, entryDone() {} };
    const stop = new AbortController();
    const packing = packLeft(data, done, 4, on, stop.signal);
    stop.abort();
    await packing.catch((error) => console.log(error.code));
  `;
  const { ended } = start(process.execPath, ['--input-type=module', '--eval', script], cwd);
  expect(await ended).toMatchObject({ code: 0, stdout: 'INTERRUPTED\n', stderr: '' });
});

test('a range whose reader ends gives what was sent, and then an error', async () => {
  const { port1, port2 } = new MessageChannel();
  const { chunks } = receiveRange({ input: 0, start: 5, port: port2 });
  port1.postMessage(new Uint8Array([1, 2]));
  port1.close();
  const got: number[] = [];
  const error = await errorOf(
    (async () => {
      for await (const chunk of chunks) got.push(...chunk);
    })(),
  );
  expect([got, error.code]).toEqual([[1, 2], 'INTERNAL']);
});

test('a text that a foreign tokenizer does not come to an end with is told, one that it does is not', () => {
  vi.useFakeTimers();
  const threads = [newWatched(), newWatched()];
  const late = vi.fn();
  const end = watchdog(threads, late);
  const [first, second] = threads.map(watchInto);
  first!(1000);
  vi.advanceTimersByTime(25_000);
  first!(0);
  second!(3 * 2 ** 20);
  vi.advanceTimersByTime(45_000);
  expect(late).not.toHaveBeenCalled();
  vi.advanceTimersByTime(10_000);
  end();
  expect(late.mock.calls[0]).toEqual([expect.objectContaining({ code: 'TOKENIZER_TIMEOUT' })]);
});
