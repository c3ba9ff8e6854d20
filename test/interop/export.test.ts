/** Every form of `prep export`, read by its peer's own reader: the same ids, lengths and boundaries as in the shards. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { permutation } from '../../src/core/random.ts';
import { EXPORT_TARGETS, exportCorpus, type ExportTarget, OPTIONAL_COLUMNS } from '../../src/shard/index.ts';
import { temporaryFolder } from '../support/folders.ts';
import { prep, ROOT, start } from '../support/prep.ts';
import { writeWindows } from '../support/windows.ts';

const python = join(ROOT, process.env.ULTRAPREP_PYTHON ?? '.venv/bin/python');
const INTEROP = join(ROOT, 'test/interop');
const ENV = { PYTHONPATH: INTEROP, HF_HUB_OFFLINE: '1', HF_DATASETS_DISABLE_PROGRESS_BARS: '1' };

/** What a peer needs to be imported. */
const NEEDS: Readonly<Record<ExportTarget, string>> = {
  npy: 'import numpy, pyarrow',
  parquet: 'import datasets',
  hf: 'import datasets',
  mds: 'import peers; peers.mosaic()',
  megatron: 'import peers; peers.megatron()',
};
const has = (code: string): boolean =>
  spawnSync(python, ['-c', code], { env: { ...process.env, ...ENV }, stdio: 'ignore' }).status === 0;
const there = Object.fromEntries(EXPORT_TARGETS.map((form) => [form, has(NEEDS[form])]));
const missing = EXPORT_TARGETS.filter((form) => !there[form]);
if (missing.length > 0)
  console.warn(`no reader of ${missing.join(', ')} for ${python}: tests are skipped; \`npm run venv\` gets them`);

const dir = temporaryFolder();
const corpus = join(dir, 'corpus');
/** Several shards, files and batches of each form: 347 training windows, 8 of validation. */
const SPLITS = [
  { train: 40, validation: 3 },
  { train: 300, validation: 5 },
  { train: 7, validation: 0 },
];

beforeAll(() => writeWindows(corpus, { windowLength: 512, splits: SPLITS }));

async function runPython(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await start(python, args, dir, ENV).ended;
  if (code !== 0) throw new Error(`${args.join(' ')}\n${stderr}`);
  return stdout;
}
const readBack = async (form: ExportTarget, folder: string, order?: Int32Array) =>
  JSON.parse(
    await runPython([
      join(INTEROP, 'read_export.py'),
      corpus,
      form,
      join(dir, folder),
      ...(order ? [JSON.stringify([...order])] : []),
    ]),
  ) as { windows: number; tokens: number; values: number; columns: string[] };

describe.each(EXPORT_TARGETS)('%s', (to) => {
  const runs = there[to] === true;

  test.runIf(runs)('all columns of the training windows, in several files', async () => {
    const out = join(dir, to);
    const made = await exportCorpus(corpus, {
      out,
      to,
      subset: 'train',
      order: 'file',
      columns: OPTIONAL_COLUMNS,
      compression: 'snappy',
      fileBytes: 64 * 1024,
      overwrite: false,
    });
    const found = await readBack(to, to);
    expect(found).toMatchObject({ windows: 347, values: 347 * 13 });
    expect(found.tokens).toBeGreaterThan(347 * 100);
    const several = made.files.filter(({ path }) => /\.(arrow|parquet|mds)$/.test(path));
    if (to !== 'npy' && to !== 'megatron') expect(several.length).toBe(Math.ceil((347 * 512 * 4) / (64 * 1024)));
  });

  test.runIf(runs)('training order, and the validation windows', async () => {
    const options = { to, columns: [], compression: 'zstd', overwrite: false } as const;
    await exportCorpus(corpus, { ...options, out: join(dir, `${to}-3`), subset: 'train', order: { epoch: 3 } });
    const numbers = [...Array(355).keys()].filter((n) => !(n >= 40 && n < 43) && !(n >= 343 && n < 348));
    const order = permutation(347, 5, 3).map((i) => numbers[i]!);
    expect([...order]).not.toEqual(numbers);
    expect(await readBack(to, `${to}-3`, order)).toMatchObject({ windows: 347, values: 347 * 11 });
    await exportCorpus(corpus, { ...options, out: join(dir, `${to}-v`), subset: 'validation', order: 'file' });
    expect(await readBack(to, `${to}-v`)).toMatchObject({ windows: 8 });
  });
});

describe('docs/exports.md', () => {
  const blocks = [...readFileSync(join(ROOT, 'docs/exports.md'), 'utf8').matchAll(/```(\w+)\n([^]*?)```/g)].map(
    ([, language, code]) => ({ language: language!, code: code! }),
  );
  const shell = blocks.filter(({ language }) => language === 'sh').flatMap(({ code }) => code.trim().split('\n'));
  const snippets = blocks.filter(({ language }) => language === 'python');

  test.runIf(missing.length === 0)('its commands make what its code reads', async () => {
    const cwd = join(dir, 'docs');
    mkdirSync(cwd);
    await prep([], { cwd });
    expect(shell).toHaveLength(EXPORT_TARGETS.length);
    for (const line of shell) await prep(line.replace(/^npx prep /, '').split(' '), { cwd });
    expect(snippets).toHaveLength(EXPORT_TARGETS.length);
    const imports = 'import peers; peers.mosaic(); peers.megatron()\n';
    for (const { code } of snippets) {
      const first = /streaming|megatron/.test(code) ? imports : '';
      const { code: status, stderr } = await start(python, ['-c', first + code], cwd, ENV).ended;
      expect([status, stderr], code).toEqual([0, expect.not.stringContaining('Error')]);
    }
  });
});
