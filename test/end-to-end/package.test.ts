/** What `npm pack` makes, installed globally into an empty folder, works by itself. */
import { mkdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folders.ts';
import { ROOT, start } from '../support/prep.ts';

const dir = temporaryFolder();
const NPM = process.platform === 'win32' ? 'npm.cmd' : 'npm';

async function done(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await start(command, args, cwd).ended;
  expect(code, `${basename(command)} ${args.join(' ')}\n${stderr}`).toBe(0);
  return stdout;
}

test('npm pack, a global install into an empty folder, prep without an argument', { timeout: 180_000 }, async () => {
  // Without scripts: dist/ is built, and building it again would pull it away under the other tests.
  const packed = JSON.parse(
    await done(NPM, ['pack', '--ignore-scripts', '--json', '--pack-destination', dir], ROOT),
  ) as Packed[] | Record<string, Packed>;
  const { filename, files } = Object.values(packed)[0]!;
  const names = files.map(({ path }) => path);
  expect(names).toEqual(
    expect.arrayContaining([
      'package.json',
      'README.md',
      'LICENSE',
      'dist/bundle/prep.js',
      'pipelines/quickstart.yaml',
      'schemas/pipeline.schema.json',
      'samples/tokenizer.json',
    ]),
  );
  expect(names.filter((name) => /^(test|src|out|bench|node_modules|\.)/.test(name))).toEqual([]);

  const prefix = join(dir, 'prefix');
  mkdirSync(prefix);
  await done(
    NPM,
    ['install', '-g', '--prefix', prefix, join(dir, filename), '--prefer-offline', '--no-audit', '--no-fund'],
    dir,
  );
  const bin = join(prefix, 'bin');
  expect(statSync(join(bin, 'prep')).mode & 0o111).toBe(0o111);
  expect(await done(join(bin, 'prep'), ['--version'], dir)).toMatch(/^\d+\.\d+\.\d+\n$/);

  const empty = join(dir, 'empty');
  mkdirSync(empty);
  await done(join(bin, 'prep'), [], empty);
  expect(await done(join(bin, 'prep'), ['verify'], empty)).toMatch(/out\/quickstart: whole/);
  expect(await done(join(bin, 'train'), ['--steps', '2'], empty)).toMatch(/checkpoint out\/quickstart\/train/);
});

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}
