/** Files beyond 2 GiB, where offsets of 32 bits end: 2.1 GiB of ids in one file, read back at its end. */
import { closeSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { openCorpus } from '../../src/shard/index.ts';
import { temporaryFolder } from '../support/folders.ts';
import { ROOT, start } from '../support/prep.ts';
import { writeWindows } from '../support/windows.ts';

const dir = temporaryFolder();
const corpus = join(dir, 'corpus');
const LENGTH = 1_048_576;
const COUNT = 540;
let last: Int32Array;

beforeAll(async () => {
  await writeWindows(corpus, { windowLength: LENGTH, splits: [{ train: COUNT, validation: 0 }], segments: 3 });
  const opened = await openCorpus(corpus);
  last = (await opened.read(COUNT - 1)).inputIds;
  await opened.close();
}, 600_000);

test.each([
  { to: 'npy', name: 'input_ids.npy', endsInIds: true },
  { to: 'megatron', name: 'tokens.bin', endsInIds: true },
  { to: 'hf', name: 'data-00000-of-00001.arrow', endsInIds: false },
] as const)('$to', { timeout: 600_000 }, async ({ to, name, endsInIds }) => {
  // Not `megatron`: Python would take a folder of that name for the package.
  const out = join(dir, `to-${to}`);
  const { code, stdout, stderr } = await start(
    process.execPath,
    [join(ROOT, 'test/long/export-child.mjs'), corpus, to, out],
    dir,
  ).ended;
  expect([code, stderr]).toEqual([0, '']);
  expect(Number(stdout)).toBeLessThan(512);
  const file = join(out, name);
  const { size } = statSync(file);
  expect(size).toBeGreaterThan(2 ** 31);
  if (endsInIds) {
    const bytes = new Uint8Array(4 * LENGTH);
    const fd = openSync(file, 'r');
    readSync(fd, bytes, 0, bytes.length, size - bytes.length);
    closeSync(fd);
    expect(Buffer.compare(bytes, Buffer.from(last.buffer, last.byteOffset, last.byteLength))).toBe(0);
  }
  const python = join(ROOT, process.env.ULTRAPREP_PYTHON ?? '.venv/bin/python');
  const look = {
    npy: `import numpy as np; a = np.load("${file}", mmap_mode="r"); assert a.shape == (${COUNT}, ${LENGTH}); print(a[-1].sum())`,
    megatron: `import peers; d = peers.megatron()("${out}/tokens"); assert len(d) == ${COUNT}; print(d[${COUNT - 1}].sum())`,
    hf: `from datasets import load_from_disk; d = load_from_disk("${out}").with_format("numpy"); assert len(d) == ${COUNT}; print(d[${COUNT - 1}]["input_ids"].sum())`,
  }[to];
  const peer = await start(python, ['-c', look], dir, { PYTHONPATH: join(ROOT, 'test/interop') }).ended.catch(
    () => null,
  );
  if (peer === null) console.warn(`no ${python}: ${to} is not read by its peer`);
  else expect([peer.code, Number(peer.stdout)], peer.stderr).toEqual([0, last.reduce((sum, id) => sum + id, 0)]);
  rmSync(out, { recursive: true });
});
