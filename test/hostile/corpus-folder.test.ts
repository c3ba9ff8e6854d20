/** What a run takes for an input, and what --overwrite takes for its own: never a stranger's file. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { writeJsonl } from '../support/corpus.ts';
import { contents, temporaryFolder } from '../support/folders.ts';
import { prep, runPrep, TOKENIZER } from '../support/prep.ts';

const top = temporaryFolder();
let cwd: string;
let number = 0;
const TEXTS = Array.from({ length: 20 }, (_, i) => ({ text: `Document number ${i}, of no great length.` }));

beforeEach(() => {
  cwd = join(top, String(number++));
  mkdirSync(join(cwd, 'data'), { recursive: true });
  writeJsonl(join(cwd, 'data/a.jsonl'), TEXTS);
});

const pack = (...args: string[]) => ['pack', ...args, '--tokenizer', TOKENIZER, '--window', '128'];
const inputsOf = (out: string) =>
  (JSON.parse(readFileSync(join(cwd, out, 'plan.json'), 'utf8')) as { inputs: { path: string }[] }).inputs.map(
    ({ path }) => path,
  );

test('--overwrite: strangers in our folders stay, and a plan.json that is not ours is refused', async () => {
  await prep(pack('data', '--out', 'out'), { cwd });
  const strangers = [
    'shards/notes.txt',
    'shards/00000-00000.arrow.bak',
    'rejects/mine.jsonl',
    'noise/00/x',
    'x/plan.json',
  ];
  for (const name of strangers) {
    mkdirSync(join(cwd, 'out', name, '..'), { recursive: true });
    writeFileSync(join(cwd, 'out', name), 'precious');
  }
  await prep(pack('data', '--out', 'out', '--overwrite', '--seed', '7'), { cwd });
  for (const name of strangers) expect(readFileSync(join(cwd, 'out', name), 'utf8'), name).toBe('precious');
  await prep(pack('data', '--out', 'clean', '--seed', '7'), { cwd });
  for (const name of strangers) rmSync(join(cwd, 'out', name));
  expect(contents(join(cwd, 'out'))).toEqual(contents(join(cwd, 'clean')));

  for (const plan of ['{"format":"terraform/1"}', '{"splits":[]}', 'plan', '[]']) {
    mkdirSync(join(cwd, 'theirs/shards'), { recursive: true });
    writeFileSync(join(cwd, 'theirs/plan.json'), plan);
    writeFileSync(join(cwd, 'theirs/shards/00000-00000.arrow'), 'precious');
    const before = contents(join(cwd, 'theirs'));
    const { code, stderr } = await runPrep(pack('data', '--out', 'theirs', '--overwrite'), { cwd });
    expect([code, stderr]).toEqual([65, expect.stringMatching(/FINGERPRINT_MISMATCH: .*plan\.json is .*--overwrite/)]);
    expect(contents(join(cwd, 'theirs'))).toEqual(before);
  }
});

test('--overwrite does not go through a link', async () => {
  await prep(pack('data', '--out', 'out'), { cwd });
  cpSync(join(cwd, 'out/shards'), join(cwd, 'elsewhere'), { recursive: true });
  rmSync(join(cwd, 'out/shards'), { recursive: true });
  symlinkSync(join(cwd, 'elsewhere'), join(cwd, 'out/masks/linked'));
  const before = contents(join(cwd, 'elsewhere'));
  await prep(pack('data', '--out', 'out', '--overwrite', '--seed', '7'), { cwd });
  expect(contents(join(cwd, 'elsewhere'))).toEqual(before);
});

test('--overwrite: receipts without their plan are no dead end, somebody else’s are', async () => {
  await prep(pack('data', '--out', 'out'), { cwd });
  rmSync(join(cwd, 'out/plan.json'));
  const stuck = await runPrep(pack('data', '--out', 'out', '--seed', '7'), { cwd });
  expect([stuck.code, stuck.stderr]).toEqual([65, expect.stringContaining('FINGERPRINT_MISMATCH')]);
  rmSync(join(cwd, 'out/plan.json'));
  await prep(pack('data', '--out', 'out', '--seed', '7', '--overwrite'), { cwd });
  await prep(pack('data', '--out', 'clean', '--seed', '7'), { cwd });
  expect(contents(join(cwd, 'out'))).toEqual(contents(join(cwd, 'clean')));

  mkdirSync(join(cwd, 'shop/receipts'), { recursive: true });
  writeFileSync(join(cwd, 'shop/receipts/00001.json'), '{"milk":1}');
  const { code, stderr } = await runPrep(pack('data', '--out', 'shop', '--overwrite'), { cwd });
  expect([code, stderr]).toEqual([65, expect.stringContaining('00001.json is no receipt')]);
  expect(readdirSync(join(cwd, 'shop'))).toEqual(['receipts']);
});

test('one file by two names is packed once, the first wins', async () => {
  symlinkSync(join(cwd, 'data/a.jsonl'), join(cwd, 'link.jsonl'));
  await prep(pack('data/a.jsonl', 'link.jsonl', '--out', 'one'), { cwd });
  expect(inputsOf('one')).toEqual(['a.jsonl']);
  await prep(pack('link.jsonl', 'data', '--out', 'two'), { cwd });
  expect(inputsOf('two')).toEqual(['link.jsonl']);
  // As in the Hugging Face cache: the name tells the format, what it leads to has none.
  cpSync(join(cwd, 'data/a.jsonl'), join(cwd, 'blob'));
  symlinkSync(join(cwd, 'blob'), join(cwd, 'named.jsonl'));
  await prep(pack('named.jsonl', '--out', 'three'), { cwd });
  expect(inputsOf('three')).toEqual(['named.jsonl']);
});

test('--out may hold the inputs, again and again; what a run writes there is no input', async () => {
  for (const args of [
    ['data/a.jsonl', '--out', 'data'],
    ['data/a.jsonl', '--out', 'data'],
    ['data', '--out', 'data', '--overwrite'],
    ['data', '--out', 'data'],
    ['.', '--out', 'data', '--overwrite'],
    ['.', '--out', 'data'],
  ]) {
    await prep(pack(...args), { cwd });
    expect(inputsOf('data')).toEqual(['a.jsonl']);
  }
  // Also from a corpus that is somebody's input folder.
  await prep(pack('data', '--out', 'other'), { cwd });
  expect(inputsOf('other')).toEqual(['a.jsonl']);
});

test('an earlier corpus is no input of the next, found by a folder or by **', async () => {
  mkdirSync(join(cwd, 'notes'));
  writeFileSync(join(cwd, 'notes/plan.json'), JSON.stringify([{ text: 'A plan of one’s own.' }]));
  for (const [out, input] of [
    ['one', '.'],
    ['two', '.'],
    ['three', '**/*.json*'],
  ] as const) {
    await prep(pack(input, '--out', out), { cwd });
    expect(inputsOf(out)).toEqual(['data/a.jsonl', 'notes/plan.json']);
  }
});

test('a plan that lost local.json looks at its inputs again', async () => {
  await prep(pack('data', '--out', 'out'), { cwd });
  rmSync(join(cwd, 'out/local.json'));
  await prep(pack('data', '--out', 'out'), { cwd });
  writeJsonl(
    join(cwd, 'data/a.jsonl'),
    TEXTS.map(({ text }) => ({ text: text.replace('Document', 'document') })),
  );
  for (const local of [null, '{}', '{"modified":5}', '[]']) {
    rmSync(join(cwd, 'out/local.json'), { force: true });
    if (local) writeFileSync(join(cwd, 'out/local.json'), local);
    const { code, stderr } = await runPrep(pack('data', '--out', 'out'), { cwd });
    expect([code, stderr]).toEqual([65, expect.stringMatching(/FINGERPRINT_MISMATCH: .*`content`/)]);
  }
  expect(existsSync(join(cwd, 'out/manifest.json'))).toBe(true);
});
