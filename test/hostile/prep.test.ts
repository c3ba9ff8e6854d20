/** Bad input through the command line: each a code, an exit status, a place and a way out, and nothing half-written. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { writeJsonl, writePipeline } from '../support/corpus.ts';
import { filesBelow, temporaryFolder } from '../support/folders.ts';
import { prep, runPrep, TOKENIZER } from '../support/prep.ts';

const dir = temporaryFolder();
const cwd = dir;
let count = 0;

const RECORDS = Array.from({ length: 60 }, (_, i) => ({
  id: i,
  text: `Record ${i}: ${'some words to pack. '.repeat(8)}`,
}));
const GOOD = RECORDS.map((record) => JSON.stringify(record));
const good = writeJsonl(join(dir, 'good.jsonl'), RECORDS);
const put = (name: string, content: Uint8Array | string): string => {
  writeFileSync(join(dir, name), content);
  return name;
};

interface Refusal {
  readonly code: string;
  readonly exit: number;
  /** What the message must say: the file, the place, the way out. */
  readonly says: readonly (string | RegExp)[];
}

/** Runs `prep pack`; expects the refusal, no manifest, and (unless the plan was made) no output folder. */
async function refused(args: readonly string[], { code, exit, says }: Refusal, planned = false): Promise<string> {
  const out = join(dir, `out-${count++}`);
  const ended = await runPrep([...args, '--out', out, '--workers', '1'], { cwd });
  expect(ended.stderr).toMatch(new RegExp(`^error ${code}: `));
  expect(ended.stderr).not.toMatch(/\n {4}at /); // A stack is for bugs.
  for (const text of says)
    expect(ended.stderr).toEqual(text instanceof RegExp ? expect.stringMatching(text) : expect.stringContaining(text));
  expect(ended.code).toBe(exit);
  expect(existsSync(join(out, 'manifest.json'))).toBe(false);
  if (!planned) expect(existsSync(out)).toBe(false);
  return out;
}
const pack = (input: string, ...flags: string[]) => [
  'pack',
  input,
  '--tokenizer',
  TOKENIZER,
  '--window',
  '256',
  ...flags,
];

describe('inputs', () => {
  test.each<[string, () => string, Refusal, boolean]>([
    [
      'a missing file',
      () => 'none.jsonl',
      { code: 'INPUT_NOT_FOUND', exit: 65, says: ['none.jsonl', dir, 'correct the path'] },
      false,
    ],
    [
      'a pattern that matches nothing',
      () => 'none/*.jsonl',
      { code: 'INPUT_NOT_FOUND', exit: 65, says: ['none/*.jsonl'] },
      false,
    ],
    [
      'an empty folder',
      () => (mkdirSync(join(dir, 'empty')), 'empty'),
      { code: 'INPUT_NOT_FOUND', exit: 65, says: ['empty', 'correct'] },
      false,
    ],
    [
      'an unknown format',
      () => put('a.docx', 'x'),
      { code: 'INPUT_UNKNOWN_FORMAT', exit: 65, says: ['a.docx', '.jsonl', 'rename or convert'] },
      false,
    ],
    [
      'an empty file',
      () => put('empty.jsonl', ''),
      { code: 'CORPUS_EMPTY', exit: 65, says: ['no document in 1 input', 'check the files'] },
      true,
    ],
    ['an empty array', () => put('empty.json', '[]'), { code: 'CORPUS_EMPTY', exit: 65, says: ['no document'] }, true],
    [
      'no good record',
      () => put('bad.jsonl', '{\n[]\n{"text":""}\n'),
      { code: 'CORPUS_EMPTY', exit: 65, says: ['bad.jsonl', 'all 3', /record 0: not JSON/] },
      true,
    ],
    [
      'bytes that are no text',
      () => put('bytes.txt', Buffer.from([0x41, 0xff, 0xfe])),
      { code: 'CORPUS_EMPTY', exit: 65, says: ['bytes.txt', 'UTF-8'] },
      true,
    ],
    [
      'a truncated gzip',
      () => put('cut.jsonl.gz', gzipSync(GOOD.join('\n')).subarray(0, 300)),
      { code: 'INPUT_TRUNCATED', exit: 65, says: ['cut.jsonl.gz', 'byte 300', 'copy the file again'] },
      true,
    ],
    [
      'a gzip that is none',
      () => put('no.jsonl.gz', 'plain text'),
      { code: 'INPUT_TRUNCATED', exit: 65, says: ['no.jsonl.gz'] },
      true,
    ],
    [
      'a truncated array',
      () => put('cut.json', `[${GOOD.join(',')}`),
      { code: 'INPUT_TRUNCATED', exit: 65, says: ['cut.json', /byte \d+/] },
      true,
    ],
    [
      'an object for an array',
      () => put('object.json', '{"text":"a"}'),
      { code: 'INPUT_MALFORMED', exit: 65, says: ['object.json', 'byte 0', 'repair'] },
      true,
    ],
    [
      'a Parquet file that is none',
      () => put('no.parquet', 'PAR1 and some more PAR1'),
      { code: 'INPUT_(MALFORMED|TRUNCATED)', exit: 65, says: ['no.parquet'] },
      false,
    ],
    [
      'the wrong field everywhere',
      () => put('content.jsonl', '{"content":"a","title":"b"}\n'.repeat(150)),
      { code: 'INPUT_MALFORMED', exit: 65, says: ['content.jsonl', '"text"', '"content", "title"', '--field'] },
      true,
    ],
  ])('%s', async (_, make, refusal, planned) => {
    await refused(pack(make()), refusal, planned);
  });
});

test('bad records are set aside with file, line and reason, and the run goes on', async () => {
  const bad: [number, string | Buffer, string][] = [
    [3, '{"text": "cut', 'json-syntax'],
    [10, '["no object"]', 'not-an-object'],
    [20, '{"content":"a"}', 'field-missing'],
    [30, '{"text":7}', 'field-not-text'],
    [40, '{"text":""}', 'empty-text'],
    [50, Buffer.from('{"text":"\xff"}', 'latin1'), 'invalid-utf8'],
  ];
  const lines: (string | Buffer)[] = [...GOOD];
  for (const [line, content] of bad) lines[line - 1] = content;
  put('mixed.jsonl', Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\n')])));
  const out = join(dir, 'mixed');
  const args = [...pack('mixed.jsonl'), '--out', out, '--split-bytes', '2KiB'];

  const stopped = await runPrep(args, { cwd });
  expect(stopped.stderr).toMatch(/^error TOO_MANY_REJECTS: 6 of 60 records.*mixed\.jsonl, record 2.*--max-rejects/);
  expect(stopped.code).toBe(65);
  expect(existsSync(join(out, 'manifest.json'))).toBe(false);

  const shards = () => filesBelow(join(out, 'shards')).map((name) => [name, statSync(join(out, 'shards', name)).ino]);
  const before = shards();
  expect(before.length).toBeGreaterThan(2);
  const { stdout } = await prep([...args, '--max-rejects', '10%'], { cwd });
  expect(shards()).toEqual(expect.arrayContaining(before));
  expect(stdout).toContain('6 records rejected, with their reasons in mixed/rejects/rejects.jsonl');
  const rejects = readFileSync(join(out, 'rejects/rejects.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  expect(rejects).toMatchObject(
    bad.map(([line, , reason]) => ({
      file: 'mixed.jsonl',
      line,
      record: line - 1,
      reason,
      detail: expect.any(String) as string,
    })),
  );
  expect(filesBelow(join(out, 'rejects'))).toEqual(['rejects.jsonl']);
  await prep(['verify', out], { cwd });
});

describe('tokenizer', () => {
  const json = readFileSync(TOKENIZER, 'utf8');
  test.each([
    ['text', () => 'not JSON at all', /: is not JSON/],
    ['JSON of another kind', () => '{"name":"package","version":"1.0.0"}', /#\/model: is missing/],
    ['an array', () => '[1,2]', /not a JSON object/],
    ['cut in the middle', () => json.slice(0, json.length >> 1), /: is not JSON/],
    [
      'without its merges',
      () => JSON.stringify({ ...(JSON.parse(json) as object), model: { type: 'BPE', vocab: { a: 0 } } }),
      /#\/model\/merges/,
    ],
    ['nothing', () => '', /: is not JSON/],
  ])('that is %s', async (_, make, place) => {
    const name = put('tokenizer.json', make());
    const says = [name, place, 'give the tokenizer.json of a Hugging Face fast tokenizer'];
    await refused(['pack', good, '--tokenizer', name, '--window', '256'], {
      code: 'TOKENIZER_INVALID',
      exit: 65,
      says,
    });
  });

  test('that is not there', async () => {
    await refused(['pack', good, '--tokenizer', 'none.json'], {
      code: 'INPUT_NOT_FOUND',
      exit: 65,
      says: ['none.json'],
    });
  });

  test('without an end token, under a policy that inserts one', async () => {
    const { added_tokens: added, ...rest } = JSON.parse(json) as { added_tokens: { content: string }[] };
    const name = put(
      'no-eos.json',
      JSON.stringify({ ...rest, added_tokens: added.filter(({ content }) => !content.includes('eos')) }),
    );
    const says = ['`policy` is eod', 'special_tokens.eos'];
    await refused(['pack', good, '--tokenizer', name, '--policy', 'eod'], { code: 'CONFIG_INVALID', exit: 65, says });
  });
});

describe('settings', () => {
  const settings = { name: 'x', inputs: [{ paths: ['good.jsonl'] }], tokenizer: TOKENIZER };
  test.each<[string, object, (string | RegExp)[]]>([
    [
      'an unknown key',
      { ...settings, windw: 2048 },
      [/bad\.yaml:\d+:\d+/, '`windw` is not a setting', 'did you mean `window`?'],
    ],
    ['an unknown key inside', { ...settings, noise: { pases: 1 } }, ['`noise.pases`', 'did you mean `passes`?']],
    ['a value of the wrong kind', { ...settings, window: 'wide' }, ['`window` is "wide"', 'expected']],
    ['a value out of range', { ...settings, validation: 2 }, ['`validation` is 2', 'expected']],
    ['a missing setting', { name: 'x', tokenizer: TOKENIZER }, ['`inputs` is missing', 'add it']],
    [
      'a special token that is not there',
      { ...settings, special_tokens: { mask: '<|none|>' } },
      ['special_tokens.mask', '<|none|>'],
    ],
  ])('%s', async (_, pipeline, says) => {
    await refused([writePipeline(dir, pipeline, 'bad.yaml')], { code: 'CONFIG_INVALID', exit: 65, says });
  });

  test('YAML that is none, and a pipeline file that is not there', async () => {
    put('broken.yaml', 'name: [1,\ninputs: }');
    await refused(['broken.yaml'], { code: 'CONFIG_INVALID', exit: 65, says: [/broken\.yaml:\d+:\d+/] });
    await refused(['none.yaml'], { code: 'CONFIG_NOT_FOUND', exit: 64, says: ['none.yaml', 'prep --help'] });
  });

  test.each([
    [['--windw', '2048'], /unknown option '--windw'/],
    [['--workers', '0'], /expected a whole number, 1 to 1024/],
    [['noise', '--batch-windows', '0'], /expected a whole number, 1 to 1048576/],
    [['noise', '--passes', '2.5'], /expected a whole number, 0 to 10000/],
    [['noise', '--eps', '2'], /more than 0 and at most 0.5/],
    [['--policy', 'causal'], /Allowed choices are adaptive, eod, direct/],
    [['--seed', 'abc'], /expected a number/],
    [['frobnicate', 'now'], /frobnicate and 1 more where one pipeline file is wanted/],
    [['pakc', 'books'], /did you mean `prep pack`/],
    [['frobnicate'], /no pipeline file at frobnicate.*prep --help/],
    [['pack'], /missing required argument 'inputs'/],
    [['pack', good], /needs --tokenizer/],
  ])('prep %j is a usage error', async (args, message) => {
    const before = filesBelow(dir).length;
    const { code, stderr } = await runPrep(args, { cwd });
    expect(stderr).toMatch(message);
    expect(code).toBe(64);
    expect(filesBelow(dir)).toHaveLength(before);
  });
});

describe('the output folder', () => {
  test('of another plan is refused and left alone', async () => {
    const args = [...pack(good), '--out', 'taken'];
    await prep(args, { cwd });
    const manifest = readFileSync(join(dir, 'taken/manifest.json'));
    const { code, stderr } = await runPrep([...args, '--policy', 'direct'], { cwd });
    expect([code, stderr]).toEqual([
      65,
      expect.stringMatching(/FINGERPRINT_MISMATCH: .*taken\/plan\.json: `policy`.*--overwrite/),
    ]);
    expect(readFileSync(join(dir, 'taken/manifest.json'))).toEqual(manifest);
  });

  test('that cannot be made is an I/O error that names it', async () => {
    put('in-the-way', '');
    for (const out of ['in-the-way', 'in-the-way/below']) {
      const { code, stderr } = await runPrep([...pack(good), '--out', out], { cwd });
      expect(stderr).toMatch(/^error IO_FAILED: .*in-the-way/);
      expect(code).toBe(74);
    }
    expect(readFileSync(join(dir, 'in-the-way'), 'utf8')).toBe('');
  });

  test('without a corpus, for the commands that need one', async () => {
    for (const command of ['inspect', 'verify', 'noise']) {
      const { code, stderr } = await runPrep([command, 'no-corpus'], { cwd });
      expect([code, stderr]).toEqual([
        65,
        expect.stringMatching(/CORPUS_NOT_FOUND: no packed corpus in .*no-corpus.*`prep`/),
      ]);
    }
  });
});
