/**
 * Guarantee 1 over machines, versions of Node and time: the bundled sample gives the shards, masks, noise and document tables whose
 * hashes are in golden.json. The plan's id in them is left out, since it changes with every new setting. Where bytes are meant to
 * change, write the file again with GOLDEN=write.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { filesBelow, temporaryFolder } from '../support/folders.ts';
import { prep, ROOT } from '../support/prep.ts';

const GOLDEN = join(ROOT, 'test/end-to-end/golden.json');
const dir = temporaryFolder();

test(`the sample corpus on Node ${process.versions.node}: golden bytes`, async () => {
  const out = join(dir, 'out');
  await prep([join(ROOT, 'pipelines/quickstart.yaml'), '--out', out], { cwd: dir });
  const { id } = JSON.parse(readFileSync(join(out, 'plan.json'), 'utf8')) as { id: string };
  const found = Object.fromEntries(
    filesBelow(out)
      .filter((path) => path.endsWith('.arrow'))
      .map((path) => {
        const content = readFileSync(join(out, path), 'latin1').replaceAll(id, '0'.repeat(id.length));
        return [path, createHash('sha256').update(content, 'latin1').digest('hex')];
      }),
  );
  if (process.env['GOLDEN'] === 'write') writeFileSync(GOLDEN, `${JSON.stringify(found, null, 2)}\n`);
  expect(Object.keys(found).length).toBeGreaterThan(20);
  expect(found).toEqual(JSON.parse(readFileSync(GOLDEN, 'utf8')));
});
