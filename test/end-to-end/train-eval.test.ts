/** `train sample` and `train eval` as commands: what they print, write and refuse. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { activate } from '../../src/train/backend/load.ts';
import { saveCheckpoint } from '../../src/train/checkpoint/checkpoint.ts';
import { disposeParameters, initialParameters } from '../../src/train/model/parameters.ts';
import { temporaryFolder } from '../support/folders.ts';
import { writeJsonl } from '../support/corpus.ts';
import { prep, ROOT, start, TOKENIZER } from '../support/prep.ts';
import { TINY } from '../train/fixtures.ts';

const cwd = temporaryFolder();
const train = (...args: string[]) => start(process.execPath, [join(ROOT, 'dist/bundle/train.js'), ...args], cwd).ended;
/** The sample's tokenizer: 4093 is the mask. */
const config = { ...TINY, vocabSize: 4096, maskTokenId: 4093, bosTokenId: 4094, eosTokenId: 4095, padTokenId: 4095 };

beforeAll(async () => {
  const records = Array.from({ length: 60 }, (_, i) => ({ text: `${i} ${'some words of it, '.repeat(1 + (i % 9))}` }));
  writeJsonl(join(cwd, 'a.jsonl'), records);
  const pack = ['pack', 'a.jsonl', '--tokenizer', TOKENIZER, '--window', '128', '--validation', '0.3'];
  await prep([...pack, '--out', 'out/words'], { cwd });
  await activate('wasm');
  const parameters = initialParameters(config, 1);
  mkdirSync(join(cwd, 'out/words/train'));
  await saveCheckpoint(join(cwd, 'out/words/train'), parameters, config);
  disposeParameters(parameters);
  copyFileSync(TOKENIZER, join(cwd, 'out/words/train/tokenizer.json'));
}, 60_000);

const only = ['--backend', 'cpu'];

describe('train sample', () => {
  test('writes into the gaps of a text with the newest checkpoint', async () => {
    const infill = 'some <mask:3> of it';
    const { code, stdout } = await train('sample', '--infill', infill, '--json', ...only);
    expect(code).toBe(0);
    const found = JSON.parse(stdout) as { text: string; ids: number[]; checkpoint: string };
    expect(found).toMatchObject({ infill, tokens: 3, checkpoint: 'out/words/train' });
    expect(found.text.startsWith('some ')).toBe(true);
    expect(found.text.endsWith(' of it')).toBe(true);
  });
  test('prints text alone, its notes beside it', async () => {
    const args = ['--prompt', 'words', '--length', '20', '--temperature', '3', ...only];
    const [first, again] = await Promise.all([train('sample', 'out/words', ...args), train('sample', ...args)]);
    expect(first.stdout).toBe(again.stdout);
    expect(first.stderr).toContain('20 tokens by out/words/train on cpu');
    // oxlint-disable-next-line no-control-regex
    expect(first.stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });
  test.each([
    [['sample', 'nowhere'], 65, 'CHECKPOINT_NOT_FOUND'],
    [['sample', '--infill', 'no gap'], 64, 'USAGE'],
    [['sample', '--prompt', 'a', '--infill', '<mask>'], 64, 'USAGE'],
    [['sample', '--steps', '1', '--length', '99'], 64, 'USAGE'],
    [['--steps', '1', 'sample'], 64, 'USAGE'],
    [['eval'], 64, 'USAGE'],
    [['eval', '--ppl', '--lengths', '9k'], 65, 'CORPUS_EMPTY'],
    [['eval', '--retrieval', '--rope', 'diffusion-ntk'], 64, 'USAGE'],
  ])('train %j: exit %i, %s', async (args, status, code) => {
    const { code: found, stderr } = await train(
      ...args,
      ...(args.includes('sample') || args.includes('--ppl') ? only : []),
    );
    expect([found, stderr]).toEqual([status, expect.stringContaining(`error ${code}`) as string]);
  });
});

describe('train eval', () => {
  test('measures all three, and leaves their results and pictures', async () => {
    const sizes = ['--lengths', '16,48', '--pieces', '3', '--samples', '2', '--trials', '2', '--depths', '0,100'];
    const needle = [
      '--needle',
      '{key}{value}',
      '--question',
      '?{key}',
      '--answer',
      '{value}',
      '--keys',
      'q,z',
      '--values',
      'A',
    ];
    const { code, stdout, stderr } = await train(
      'eval',
      '--ppl',
      '--niah',
      '--retrieval',
      ...sizes,
      ...needle,
      '--json',
      ...only,
    );
    expect([code, stderr]).toEqual([0, '']);
    const events = stdout.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>); // prettier-ignore
    expect(events.map(({ event }) => event)).toEqual(['ppl', 'retrieval', 'niah']);
    const [ppl] = events as [{ results: { nats: number; length: number }[] }];
    expect(ppl.results.map(({ length }) => length)).toEqual([16, 48]);
    // A model that has learned nothing: the logarithm of the vocabulary.
    for (const { nats } of ppl.results) expect(Math.abs(nats - Math.log(4096))).toBeLessThan(1);
    for (const name of ['ppl.json', 'retrieval.json', 'retrieval.svg', 'niah.json', 'niah.svg'])
      expect(existsSync(join(cwd, 'out/words/train/eval', name))).toBe(true);
    const { event: _, files: __, ...result } = events[2]!;
    expect(JSON.parse(readFileSync(join(cwd, 'out/words/train/eval/niah.json'), 'utf8'))).toEqual(result);
  });
  test('is refused on a corpus of another tokenizer', async () => {
    const other = readFileSync(TOKENIZER, 'utf8').replace('"version"', ' "version"');
    writeFileSync(join(cwd, 'other.json'), other);
    await prep(['pack', 'a.jsonl', '--tokenizer', 'other.json', '--window', '128', '--validation', '0.3', '--out', 'other'], { cwd }); // prettier-ignore
    const { code, stderr } = await train('eval', 'out/words', '--ppl', '--corpus', 'other', ...only);
    expect([code, stderr]).toEqual([65, expect.stringContaining('CHECKPOINT_MISMATCH') as string]);
  });
});
