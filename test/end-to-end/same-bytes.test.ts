/** Guarantee 1: the same inputs, settings and version give the same bytes, whoever runs them and wherever. */
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { contents, digest, temporaryFolder } from '../support/folders.ts';
import { prep, ROOT } from '../support/prep.ts';

const dir = temporaryFolder();
const QUICKSTART = join(ROOT, 'pipelines/quickstart.yaml');

/** The quickstart with its samples somewhere else; copying also gives the files other times. */
function copied(): string {
  const project = join(dir, 'another place');
  for (const name of ['samples', 'pipelines']) cpSync(join(ROOT, name), join(project, name), { recursive: true });
  return join(project, 'pipelines/quickstart.yaml');
}

test('the quickstart is the same with 1, 2 and 4 workers, in other folders and from copied inputs', async () => {
  const runs: { out: string; cwd: string; args: string[] }[] = [
    { out: 'one', cwd: dir, args: [QUICKSTART, '--workers', '1'] },
    { out: 'two', cwd: join(dir, 'elsewhere'), args: [QUICKSTART, '--workers', '2'] },
    { out: 'four', cwd: join(dir, 'elsewhere'), args: [copied(), '--workers', '4'] },
  ];
  mkdirSync(join(dir, 'elsewhere'));
  for (const { out, cwd, args } of runs) await prep([...args, '--out', join(dir, out)], { cwd });

  const first = contents(join(dir, 'one'));
  const folders = new Set(Object.keys(first).map((path) => path.split('/')[0]));
  const all = ['documents', 'manifest.json', 'masks', 'noise', 'plan.json', 'receipts', 'shards', 'tokenizer.json'];
  expect([...folders]).toEqual(all);
  for (const { out } of runs.slice(1)) {
    expect(contents(join(dir, out)), out).toEqual(first);
    expect(digest(join(dir, out))).toBe(digest(join(dir, 'one')));
  }
});

test('nothing of this machine is in the files that are compared', () => {
  for (const path of Object.keys(contents(join(dir, 'four')))) {
    const content = readFileSync(join(dir, 'four', path), 'latin1');
    for (const place of [dir, ROOT]) expect(content.includes(place), `${path} holds ${place}`).toBe(false);
  }
});

test('another seed gives another corpus, so that equal digests mean something', async () => {
  const args = [QUICKSTART, '--input', join(ROOT, 'samples/corpus/poems.parquet'), '--out'];
  await prep([...args, 'seed-1', '--seed', '1'], { cwd: dir });
  await prep([...args, 'seed-2', '--seed', '2'], { cwd: dir });
  expect(digest(join(dir, 'seed-1'))).not.toBe(digest(join(dir, 'seed-2')));
});
