/** What a plan says of itself before it is run: large row groups, and inputs of which nobody knows how many splits they become. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { beforeAll, expect, test } from 'vitest';
import { makeDisplay } from '../../src/cli/progress.ts';
import type { Plan } from '../../src/run/index.ts';
import { temporaryFolder } from '../support/folders.ts';
import { prep, TOKENIZER } from '../support/prep.ts';

const dir = temporaryFolder();
const ROWS = 300_000;
const plan = async (input: string, out: string, ...flags: string[]) =>
  (await prep(['plan', input, '--tokenizer', TOKENIZER, '--out', out, ...flags], { cwd: dir })).stdout.split('\n');

beforeAll(() => {
  const columns = ['text', 'other'].map((name) => ({
    name,
    data: Array<string>(ROWS).fill(name),
    type: 'STRING' as const,
  }));
  const written = (rowGroupSize: number) => new Uint8Array(parquetWriteBuffer({ columnData: columns, rowGroupSize }));
  writeFileSync(join(dir, 'large.parquet'), written(ROWS));
  writeFileSync(join(dir, 'small.parquet'), written(ROWS / 4));
});

test('a row group that takes much memory is announced, in words and as an event', async () => {
  const [line, warning] = await plan('large.parquet', 'words');
  expect(line).toMatch(/1 file, .*, 1 split$/);
  // 300,000 values of 512 bytes: the other column is not read.
  expect(warning).toMatch(/^warning: a part .* large\.parquet takes about 146 MiB .* --workers$/);
  const events = (await plan('large.parquet', 'events', '--json'))
    .slice(0, -1)
    .map((text) => JSON.parse(text) as object);
  expect(events).toMatchObject([
    { event: 'planned', splits: 1 },
    { event: 'warning', code: 'LARGE_ROW_GROUP', details: { file: 'large.parquet', parts: 1 } },
  ]);
  expect((await plan('small.parquet', 'small')).join('\n')).not.toContain('warning');
});

test.each(['plain', 'json'] as const)('a run of that plan says it too: %s', async (kind) => {
  await plan('large.parquet', kind);
  const made = JSON.parse(readFileSync(join(dir, kind, 'plan.json'), 'utf8')) as Plan;
  const lines: string[] = [];
  const display = makeDisplay(kind, [], (line) => lines.push(line));
  display.events.planned(made, [0], null);
  await display.finish(false);
  expect(lines).toHaveLength(2);
  expect(lines[1]).toMatch(kind === 'json' ? /^{"event":"warning","code":"LARGE_ROW_GROUP"/ : /^warning: a part/);
});

test('what is cut while it is read is no split of the plan', async () => {
  const lines = Array.from({ length: 400 }, (_, i) => JSON.stringify({ text: `${Math.sin(i)} of record ${i}` })).join(
    '\n',
  );
  writeFileSync(join(dir, 'a.jsonl'), lines);
  writeFileSync(join(dir, 'b.jsonl.gz'), gzipSync(lines));
  const size = ['--split-bytes', '4096'];
  expect((await plan('[ab].jsonl*', 'both', ...size))[0]).toMatch(
    /2 files, .*, 5 splits and 1 file to be cut while read$/,
  );
  expect((await plan('b.jsonl.gz', 'one', ...size))[0]).toMatch(/1 file, .*, 1 file to be cut while read$/);
});
