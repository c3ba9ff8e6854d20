/** What is true of the repository as a whole: versions, install scripts, sizes of files, links, places. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/prep.ts';
import { importsOf } from './imports.ts';

const readJson = (name: string) => JSON.parse(readFileSync(join(ROOT, name), 'utf8')) as Record<string, unknown>;
const text = (name: string) => readFileSync(join(ROOT, name), 'utf8');

/** Tracked files, and those that will be: without git (in a package) there are none to look at. */
const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: ROOT, encoding: 'utf8' })
  .split('\0')
  .filter((name) => name !== '' && existsSync(join(ROOT, name)));

test('dependencies have exact versions', () => {
  const { dependencies, devDependencies } = readJson('package.json') as Record<string, Record<string, string>>;
  const ranges = Object.entries({ ...dependencies, ...devDependencies }).filter(
    ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
  );
  expect(ranges).toEqual([]);
});

test('no package that is always installed runs a script when it is installed', () => {
  const { packages } = readJson('package-lock.json') as {
    packages: Record<string, { hasInstallScript?: boolean; optional?: boolean }>;
  };
  expect(Object.keys(packages).length).toBeGreaterThan(50);
  // fsevents is for macOS only, where it comes as a binary that needs no script.
  const scripts = Object.entries(packages).filter(
    ([name, { hasInstallScript }]) => hasInstallScript && name !== 'node_modules/fsevents',
  );
  expect(scripts.map(([name]) => name)).toEqual([]);
});

test('every package that src/ imports is a dependency, and every dependency is imported', () => {
  const names = new Set<string>();
  for (const name of tracked.filter((file) => file.startsWith('src/') && file.endsWith('.ts')))
    for (const specifier of importsOf(text(name))) {
      if (specifier.startsWith('.') || specifier.startsWith('node:') || builtinModules.includes(specifier)) continue;
      names.add(
        specifier
          .split('/')
          .slice(0, specifier.startsWith('@') ? 2 : 1)
          .join('/'),
      );
    }
  const { dependencies, peerDependencies = {} } = readJson('package.json') as Record<string, Record<string, string>>;
  expect([...names].filter((name) => !(name in dependencies!) && !(name in peerDependencies))).toEqual([]);
  expect(Object.keys(dependencies!).filter((name) => !names.has(name))).toEqual([]);
});

test('no file under src/ has more than 400 lines', () => {
  const long = tracked.filter((name) => name.startsWith('src/') && text(name).split('\n').length > 401);
  expect(long).toEqual([]);
});

test('links between documents lead somewhere', () => {
  const broken: string[] = [];
  for (const name of tracked.filter((file) => file.endsWith('.md')))
    for (const [, target] of text(name).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^([a-z]+:|#)/i.test(target!)) continue;
      if (!existsSync(join(ROOT, dirname(name), target!.split('#')[0]!))) broken.push(`${name}: ${target}`);
    }
  expect(broken).toEqual([]);
});

test('no place of one machine is in a tracked file', () => {
  // Put together, so that this file does not hold them itself. The lockfile names npm's own registry, which all reach.
  const places = ['work', 'root', 'home'].map((folder) => `/${folder}/`);
  const host = /\bregistry\.[a-z0-9-]+(\.[a-z0-9-]+)+|\b(artifactory|nexus|verdaccio)\b/g;
  const found: string[] = [];
  for (const name of tracked) {
    if (name.startsWith('samples/') || !statSync(join(ROOT, name)).isFile()) continue;
    const content = text(name);
    for (const place of places) if (content.includes(place)) found.push(`${name}: ${place}`);
    for (const [match] of content.matchAll(host))
      if (match !== ['registry', 'npmjs', 'org'].join('.') && name !== 'test/policy/package.test.ts')
        found.push(`${name}: ${match}`);
  }
  expect([...new Set(found)]).toEqual([]);
});

test('what is built and written is not tracked', () => {
  expect(tracked.filter((name) => /^(dist|out|node_modules)\//.test(name) || /\.(tgz|whl)$/.test(name))).toEqual([]);
  expect(readdirSync(ROOT)).toContain('.gitignore');
});
