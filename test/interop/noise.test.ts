import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { resolveNoise } from '../../src/config/index.ts';
import { Masker } from '../../src/noise/index.ts';
import { writeNoise } from '../../src/run/index.ts';
import { openCorpus } from '../../src/shard/index.ts';
import golden from '../noise/golden.json' with { type: 'json' };
import { writeJsonl, writePipeline } from '../support/corpus.ts';
import { temporaryFolder } from '../support/folders.ts';
import { prep, TOKENIZER } from '../support/prep.ts';

const run = promisify(execFile);
const python = process.env.ULTRAPREP_PYTHON ?? '.venv/bin/python';
const there = existsSync(python);
if (!there) console.warn(`no ${python}: interop tests are skipped; \`npm run venv\` makes it`);

describe.runIf(there)('numpy', () => {
  const cwd = temporaryFolder();

  test('finds the same p and slopes to the last bit, of every schedule', async () => {
    const { stdout } = await run(python, ['test/interop/noise_schedules.py']);
    expect(JSON.parse(stdout)).toEqual(golden);
  });

  test('masks the same tokens in every form, drawn in any order, and finds them in the bitsets', async () => {
    const text = (n: number) => Array.from({ length: n }, (_, i) => `word${(i * 7919) % 97}`).join(' ');
    const records = Array.from({ length: 80 }, (_, i) => ({ prompt: text(1 + (i % 5)), response: text((i * i) % 60) }));
    writeJsonl(join(cwd, 'records.jsonl'), records);
    const out = join(cwd, 'out');
    const settings = {
      name: 'n',
      inputs: [{ paths: ['records.jsonl'] }],
      tokenizer: TOKENIZER,
      format: 'prompt-response',
    };
    await prep([writePipeline(cwd, { ...settings, window: 256, noise: { passes: 0 } }), '--out', out], { cwd });

    const few = { per: 'block', block_tokens: 5, schedule: 'polynomial', exponent: 3 };
    for (const form of [
      { schedule: 'cosine' },
      { ...few, masking: 'exact' },
      { ...few, at_least_one: true, random_length: 0.4 },
      { schedule: 'log-linear', per: 'document', complementary: true },
      { schedule: 'geometric', per: 'document', complementary: true, masking: 'exact' },
      { schedule: 'clipped', beta: 0.001, omega: 0.2, per: 'document', complementary: true, at_least_one: true },
    ]) {
      await writeNoise(out, resolveNoise({ ...form, passes: 2, bitsets: true }, 'test'), { overwrite: true });
      const corpus = await openCorpus(out);
      const { manifest } = corpus;
      const windows = manifest.windows.train + manifest.windows.validation;
      const ours: string[] = [];
      for (const pass of [0, 1]) {
        const noise = await corpus.noise(pass);
        const masker = new Masker(noise.form, pass, manifest.windowLength);
        const hash = createHash('sha256');
        for (let window = 0; window < windows; window++)
          hash.update(masker.mask(noise.row(window), (await corpus.layout(window)).segments));
        ours.push(hash.digest('hex'));
      }
      await corpus.close();
      const { stdout } = await run(python, ['test/interop/read_noise.py', out]);
      expect(JSON.parse(stdout), JSON.stringify(form)).toEqual({ drawn: ours, stored: ours, rows: [windows, windows] });
    }
  });
});
