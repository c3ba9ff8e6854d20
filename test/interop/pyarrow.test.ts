import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { permutation } from '../../src/core/random.ts';
import { Masker } from '../../src/noise/index.ts';
import { openCorpus } from '../../src/shard/index.ts';

const run = promisify(execFile);
/** A Python with pyarrow and numpy; .ci/run makes one in .venv. */
const python = process.env.ULTRAPREP_PYTHON ?? '.venv/bin/python';
const there = existsSync(python);
if (!there) console.warn(`no ${python}: interop tests are skipped; \`npm run venv\` makes it`);

describe.runIf(there)('pyarrow and numpy', () => {
  test('read a corpus by docs/format.md: same ids, boundaries, masked positions and training order', async () => {
    const dir = join(await mkdtemp(join(tmpdir(), 'interop-')), 'corpus');
    await run(process.execPath, ['dist/bundle/prep.js', '--out', dir]);
    const { stdout } = await run(python, ['test/interop/read_corpus.py', dir]);
    const theirs = JSON.parse(stdout) as Record<string, unknown>;

    const corpus = await openCorpus(dir);
    const pass = await corpus.noise(0);
    const { manifest } = corpus;
    const masker = new Masker(pass.form, pass.pass, manifest.windowLength);
    const ids = createHash('sha256');
    const masked = createHash('sha256');
    for (let window = 0; window < manifest.windows.train + manifest.windows.validation; window++) {
      const { inputIds } = await corpus.read(window);
      ids.update(new Uint8Array(inputIds.buffer, inputIds.byteOffset, inputIds.byteLength));
      const { segments } = await corpus.layout(window);
      masked.update(masker.mask(pass.row(window), segments));
    }
    await corpus.close();
    const order = permutation(manifest.windows.train, manifest.order.seed, 1);
    expect(theirs).toMatchObject({
      tokens: manifest.ledger.tokens.packed,
      documents: manifest.ledger.documents.read,
      ids: ids.digest('hex'),
      masked: masked.digest('hex'),
      order: createHash('sha256').update(new Uint8Array(order.buffer)).digest('hex'),
    });
  });
});
