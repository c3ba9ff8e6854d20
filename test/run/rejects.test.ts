import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Reject } from '../../src/core/document.ts';
import { commitStream } from '../../src/io/commit.ts';
import type { Plan } from '../../src/run/plan.ts';
import { gatherRejects, RejectLog } from '../../src/run/rejects.ts';
import type { Receipt } from '../../src/shard/index.ts';
import { errorOf, readOne } from '../read/fixture.ts';
import { temporaryFolder } from '../support/folders.ts';

const dir = temporaryFolder();
const plan = { inputs: [{ path: 'a.jsonl', source: 'a' }] } as unknown as Plan;
const reject = (record: number): Reject => ({
  input: 0,
  record,
  line: record,
  offset: record * 10,
  reason: record % 2 === 0 ? 'json-syntax' : 'empty-text',
  detail: `${'ü'.repeat(100)} ${record}`,
});

test('20,000 rejects of two splits are written in chunks and gathered with numbers through the file', async () => {
  const receipts: Receipt[] = [];
  for (const split of [0, 1]) {
    const log = new RejectLog(plan);
    for (let record = 0; record < 10_000; record++) log.add(reject(record + 5));
    expect(log.counts).toEqual(new Map([['a', { 'json-syntax': 5000, 'empty-text': 5000 }]]));
    const path = `rejects/0000${split}.jsonl`;
    let largest = 0;
    const file = await commitStream(join(dir, path), (sink) =>
      log.write({
        position: 0,
        write: (chunk) => {
          largest = Math.max(largest, chunk.length);
          return sink.write(chunk);
        },
      }),
    );
    expect(file.bytes).toBeGreaterThan(2 * largest);
    const read = [{ input: 0, start: 0, end: 1, records: 10_005, lines: 10_007, sha256: '' }];
    receipts.push({ split, read, rejects: { path, ...file, records: log.records } } as unknown as Receipt);
  }
  const gathered = await gatherRejects(dir, receipts);
  expect(gathered?.first).toBe(`a.jsonl, record 5: ${reject(5).detail}`);
  const rows = readFileSync(join(dir, gathered!.file.path), 'utf8').trim().split('\n');
  expect(rows).toHaveLength(20_000);
  expect(JSON.parse(rows[0]!)).toEqual({ file: 'a.jsonl', ...reject(5), line: 6 });
  expect(JSON.parse(rows[19_999]!)).toEqual({ file: 'a.jsonl', ...reject(10_004), record: 20_009, line: 20_012 });
});

test('no reject, no file', async () => {
  expect(await gatherRejects(join(dir, 'none'), [{ rejects: null } as unknown as Receipt])).toBeNull();
});

test('1000 records and no document among them end the run; one good line among them, or every second, does not', async () => {
  const good = '{"text":"a"}\n';
  const error = await errorOf(readOne(dir, 'bad.jsonl', '{"text": bad\n'.repeat(1500)));
  expect([error.code, error.message]).toEqual([
    'INPUT_MALFORMED',
    expect.stringContaining('none of the first 1000 records'),
  ]);
  const first = await readOne(dir, 'first.jsonl', `${good}${'bad\n'.repeat(1500)}`);
  expect(first.rejects).toHaveLength(1500);
  const half = await readOne(dir, 'half.jsonl', `bad\n${good}`.repeat(3000));
  expect([half.rejects.length, half.documents.length]).toEqual([3000, 3000]);
});
