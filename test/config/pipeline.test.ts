import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DEFAULT_FORM } from '../../src/core/noise.ts';
import { loadPipeline, pipelineFrom, quantity } from '../../src/config/index.ts';

const write = async (text: string) => {
  const file = join(await mkdtemp(join(tmpdir(), 'config-')), 'p.yaml');
  await writeFile(file, text);
  return file;
};
const HEAD = 'name: x\ninputs: [{ paths: [a.txt] }]\ntokenizer: t.json\n';

/** Lists of ten aliases of the list before, nine levels deep. */
const bomb = (): string =>
  Array.from({ length: 9 }, (_, i) => {
    const [name, before] = [String.fromCharCode(98 + i), String.fromCharCode(97 + i)];
    return `${name}: &${name} [${Array(10).fill(`*${before}`).join(', ')}]\n`;
  }).join('');

describe('quantities', () => {
  test.each([
    ['128k', 131072],
    ['1M', 2 ** 20],
    ['512KiB', 524288],
    ['32 MiB', 2 ** 25],
    [4096, 4096],
    ['4096', 4096],
  ])('%s is %d', (text, value) => expect(quantity(text)).toBe(value));
  test.each(['k', '1.5k', '-1', '12parsecs', ''])('%s is none', (text) => expect(quantity(text)).toBeNaN());
});

describe('a pipeline file', () => {
  test('gets the defaults of the schema', async () => {
    const pipeline = await loadPipeline(await write(HEAD), {});
    expect(pipeline).toMatchObject({
      window: 131072,
      policy: 'adaptive',
      packing: { method: 'best-fit', longDocuments: 'split', minSegment: 0 },
      splitBytes: null,
      noise: { passes: 1, bitsets: false, form: DEFAULT_FORM },
      inputs: [{ source: 'a.txt' }],
    });
  });

  test('flags win over the file, settings of a group one by one', async () => {
    const file = await write(`${HEAD}noise: { eps: 0.01 }\nwindow: 4k\n`);
    const pipeline = await loadPipeline(file, { window: '8k', noise: { passes: 3 } });
    expect(pipeline).toMatchObject({ window: 8192, noise: { passes: 3, form: { eps: 0.01 } } });
  });

  test.each([
    ['method: bfd', 'best-fit', 'truncate', 0],
    ['method: bfd_split', 'best-fit', 'split', 0],
    ['method: bfd, long_documents: fragment', 'best-fit', 'split', 0],
    ['method: wrapped, min_segment: 1k', 'concat', 'split', 1024],
    ['method: first_fit_decreasing, long_documents: drop', 'first-fit-decreasing', 'drop', 0],
    ['long_documents: truncate', 'best-fit', 'truncate', 0],
  ])('packing { %s } is %s and %s', async (packing, method, longDocuments, minSegment) => {
    const pipeline = await loadPipeline(await write(`${HEAD}packing: { ${packing} }\n`), {});
    expect(pipeline.packing).toEqual({ method, longDocuments, minSegment, longShare: null, shuffle: false });
  });

  test.each([
    ['packing: { method: worst-fit }\n', 4, 'packing.method', 'one of best-fit'],
    ['packing: { long_share: 1 }\n', 4, 'packing.long_share', '< 1'],
    ['packing: { long_share: 0.5, method: bfd }\n', 0, 'packing.long_share', 'long_documents: split'],
    ['packing: { min_segment: -1 }\n', 4, 'packing.min_segment', 'from 0 to 1M'],
    ['window: 64\n', 4, 'window', 'from 128 to 1M'],
    ['window: 2M\n', 4, 'window', 'from 128 to 1M'],
    ['polcy: eod\n', 4, 'polcy', 'did you mean `policy`?'],
    ['policy: causal\n', 4, 'policy', 'one of adaptive, eod, direct'],
    ['noise:\n  eps: 2\n', 5, 'noise.eps', 'expected it to be <= 0.5'],
    ['noise:\n  passes: 1\n  random_seed: 3\n', 6, 'noise.random_seed', 'known here are passes'],
    ['noise: { schedule: clipped, beta: 0.9 }\n', 0, 'noise.omega', 'p is uniform from beta to omega'],
    ['validation: 1\n', 4, 'validation', '< 1'],
    ['seed: -1\n', 4, 'seed', '>= 0'],
    ['split_bytes: 12 parsecs\n', 4, 'split_bytes', 'bytes'],
    ['name: again\n', 4, '', 'unique'],
    ['seed: [1\n', 5, '', 'YAML'],
    ['limits: { document_bytes: 68719476737 }\n', 4, 'limits.document_bytes', 'from 1024 to 64GiB'],
    ['limits: { document_bytes: 65GiB }\n', 4, 'limits.document_bytes', 'from 1024 to 64GiB'],
    ['seed: *nowhere\n', 4, '', 'nowhere'],
    ['noise: &a { passes: 1, b: *a }\n', 4, '', 'alias'],
    [`a: &a [x]\n${bomb()}`, 5, '', 'alias'],
    [`noise: ${'['.repeat(20_000)}${']'.repeat(20_000)}\n`, undefined, undefined, ''],
  ])('%j is refused with line, field and what was expected', async (text, line, field, hint) => {
    const error = await loadPipeline(await write(HEAD + text), {}).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', ...(line !== undefined && { details: { line, field } }) });
    expect((error as Error).message).toContain(hint);
  });

  test('without inputs is refused', async () => {
    const error = await loadPipeline(await write('name: x\ntokenizer: t.json\n'), {}).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', details: { field: 'inputs' } });
  });

  test('that is not there is CONFIG_NOT_FOUND', async () => {
    await expect(loadPipeline('/nowhere/p.yaml', {})).rejects.toMatchObject({ code: 'CONFIG_NOT_FOUND' });
  });
});

test('a pipeline from the command line alone is held to the same schema', async () => {
  const settings = { name: 'x', inputs: [{ paths: ['a.txt'] }], tokenizer: 't.json' };
  expect(await pipelineFrom({ ...settings, window: '128k' })).toMatchObject({ window: 131072 });
  await expect(pipelineFrom({ ...settings, window: '128q' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});

test('the bundled pipelines are valid', async () => {
  for (const name of ['quickstart', 'ultrallada-128k']) {
    const pipeline = await loadPipeline(`pipelines/${name}.yaml`, {});
    expect(pipeline.name).toBe(name);
  }
  // LLaDA's ids, as published.
  const text = await readFile('pipelines/ultrallada-128k.yaml', 'utf8');
  expect(text).toContain('{ mask: 126336, bos: 126080, eos: 126081, pad: 126081 }');
});
