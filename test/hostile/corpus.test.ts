/** A plan, a manifest and a receipt are files like any other: nothing in them is believed before it is looked at. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { isPrepError } from '../../src/core/errors.ts';
import { fingerprint, type Json } from '../../src/core/fingerprint.ts';
import { inspectCorpus, verifyCorpus } from '../../src/run/index.ts';
import { cleanUp } from '../../src/run/merge.ts';
import { changedInputs } from '../../src/run/local.ts';
import { readPlan } from '../../src/run/plan.ts';
import { readReceipt } from '../../src/run/receipts.ts';
import { openCorpus, readChecked, type Receipt } from '../../src/shard/index.ts';
import { writeSmallCorpus } from '../support/corpus.ts';
import { temporaryFolder } from '../support/folders.ts';
import { prep, runPrep } from '../support/prep.ts';

const dir = temporaryFolder();
const sound = join(dir, 'sound');
const broken = join(dir, 'broken');
const pipeline = writeSmallCorpus(join(dir, 'inputs'));

beforeAll(async () => {
  await prep([pipeline, '--out', sound], { cwd: dir });
});

type Value = Record<string, unknown>;
const path = (name: string) => join(broken, name);
const read = (name: string) => JSON.parse(readFileSync(join(sound, name), 'utf8')) as Value;
const write = (name: string, value: unknown) => writeFileSync(path(name), JSON.stringify(value));
const fresh = () => (rmSync(broken, { recursive: true, force: true }), cpSync(sound, broken, { recursive: true }));

/** Every change of one member: gone, and of another type. Of arrays and of maps by name, the first element stands for all. */
function* changes(value: unknown, pointer = ''): Generator<{ pointer: string; changed: unknown }> {
  if (typeof value !== 'object' || value === null) return;
  const entries = Object.entries(value).slice(0, Array.isArray(value) || pointer.endsWith('ledgerBySource') ? 1 : 99);
  for (const [key, member] of entries) {
    const replaced = (other: unknown): unknown =>
      Array.isArray(value) ? value.with(Number(key), other) : { ...value, [key]: other };
    const at = `${pointer}/${key}`;
    const { [key]: _, ...without } = value as Value;
    yield { pointer: `${at} deleted`, changed: Array.isArray(value) ? value.slice(1) : without };
    for (const other of ['x', -1, 1e300, 0.5, true, null, {}, [], [null]])
      if (typeof other !== typeof member || typeof other === 'object' || typeof other === 'number')
        yield { pointer: `${at} = ${JSON.stringify(other)}`, changed: replaced(other) };
    for (const inner of changes(member, at)) yield { pointer: inner.pointer, changed: replaced(inner.changed) };
  }
}

/** How looking at the corpus ends: problems, or a code; anything that is not coded would be exit status 70. */
async function outcome(look: () => Promise<{ problems: readonly string[] }>): Promise<string> {
  try {
    return (await look()).problems.length > 0 ? 'problems' : 'sound';
  } catch (error) {
    return isPrepError(error) ? error.code : `NOT CODED: ${String(error)}`;
  }
}
const verified = () => outcome(() => verifyCorpus(broken));

test(
  'a manifest with any member gone or of another type is CORPUS_CORRUPT or has problems',
  { timeout: 240_000 },
  async () => {
    fresh();
    const whole = read('manifest.json');
    const wrong: string[] = [];
    let tried = 0;
    for (const { pointer, changed } of changes(whole)) {
      if (JSON.stringify(changed) === JSON.stringify(whole)) continue;
      write('manifest.json', changed);
      tried++;
      const end = await verified();
      if (end !== 'problems' && end !== 'CORPUS_CORRUPT') wrong.push(`${pointer}: ${end}`);
    }
    expect(tried).toBeGreaterThan(500);
    expect(wrong).toEqual([]);
  },
);

test('so is a plan, with an id that fits and with none', { timeout: 240_000 }, async () => {
  fresh();
  const whole = read('plan.json');
  const wrong: string[] = [];
  for (const { pointer, changed } of changes(whole))
    for (const forged of [false, true]) {
      const { id: _, splits, ...identity } = changed as Value;
      const plan = forged ? { ...identity, splits, id: fingerprint(identity as Json) } : changed;
      if (JSON.stringify(plan).length === JSON.stringify(whole).length) continue;
      write('plan.json', plan);
      const looked = await readPlan(broken).then(
        () => 'sound',
        (error: unknown) => (isPrepError(error) ? error.code : `NOT CODED: ${String(error)}`),
      );
      // Behind an id that fits some other plan may stand; verify compares it with the manifest.
      const end = looked === 'sound' ? await outcome(() => verifyCorpus(broken)) : looked;
      // Splits are in no id: their bytes are for progress only.
      if (end === 'sound' && pointer.startsWith('/splits')) continue;
      if (!['problems', 'CORPUS_CORRUPT'].includes(end)) wrong.push(`${pointer}: ${end}`);
    }
  expect(wrong).toEqual([]);
});

test.each(['receipts/00001.json', 'receipts/noise-pass-000.json'])('so is %s', async (name) => {
  fresh();
  const whole = read(name);
  const kind = name.includes('noise') ? 'pass' : 'receipt';
  const wrong: string[] = [];
  for (const { pointer, changed } of changes(whole)) {
    write(name, changed);
    const end = await outcome(async () => (await readChecked(kind, path(name)), { problems: [] }));
    if (end === 'sound' || end === 'CORPUS_CORRUPT') continue;
    wrong.push(`${pointer}: ${end}`);
  }
  expect(wrong).toEqual([]);
});

/** A value with another one at a JSON pointer. */
function withAt(value: unknown, pointer: string, other: unknown): unknown {
  const [, key = '', ...rest] = pointer.split('/');
  if (key === '') return other;
  const inner = withAt((value as Value)[key], rest.map((part) => `/${part}`).join(''), other);
  return Array.isArray(value) ? value.with(Number(key), inner) : { ...(value as Value), [key]: inner };
}

test.each([
  ['', { format: 'ultraprep/1' }, '/'],
  ['', [], '/'],
  ['', null, '/'],
  ['/format', 'ultraprep/9', '/format'],
  ['/windows/train', 1e12, '/windows/train'],
  ['/windows/train', 5, '/windows/train'],
  ['/splits/1/shards/0/path', 'shards/../../x.arrow', '/splits/1/shards/0/path'],
  ['/splits/1/shards/0/mask/path', 'masks/../00001-00000.arrow', '/splits/1/shards/0/mask/path'],
  ['/splits/0/table/path', '/etc/passwd', '/splits/0/table/path'],
  ['/splits/1/shards/0/batches/0/offset', 1e9, '/splits/1/shards/0/bytes'],
  ['/config/extra', JSON.parse('['.repeat(99) + ']'.repeat(99)), '/'],
])('a manifest with %j = %j is exit 65 and the JSON pointer', async (at, value, pointer) => {
  const name = 'manifest.json';
  fresh();
  write(name, withAt(read(name), at, value));
  for (const command of ['inspect', 'noise']) {
    const { code, stderr } = await runPrep([command, broken], { cwd: dir });
    expect([code, stderr]).toEqual([65, expect.stringContaining(`${name}: ${pointer}: `)]);
    expect(stderr).toContain('CORPUS_CORRUPT');
  }
});

test('a broken plan without a manifest is named by inspect; receipts of passes are no splits', async () => {
  for (const plan of ['{', '{"format":"ultraprep/1"}', '{"splits":7}', 'null']) {
    fresh();
    rmSync(path('manifest.json'));
    writeFileSync(path('plan.json'), plan);
    const { code, stderr } = await runPrep(['inspect', broken], { cwd: dir });
    expect([code, stderr]).toEqual([65, expect.stringContaining('CORPUS_CORRUPT')]);
  }
  fresh();
  rmSync(path('manifest.json'));
  const splits = (read('plan.json').splits as unknown[]).length;
  await expect(inspectCorpus(broken)).rejects.toMatchObject({ details: { done: splits, splits } });
});

test('a receipt cannot have anything removed that is not a tail or rejects of its own split', async () => {
  const victim = join(dir, 'victim');
  for (const target of ['../victim', 'tails/../../victim', 'plan.json', 'tails/00002.arrow', '../victim/00001.arrow']) {
    fresh();
    mkdirSync(join(victim), { recursive: true });
    writeFileSync(join(victim, '00001.arrow'), 'precious');
    const receipt = read('receipts/00001.json') as unknown as Receipt;
    const file = { path: target, bytes: 8, sha256: '0'.repeat(64) };
    const forged = { ...receipt, tail: { ...file, pieces: 1, tokens: 1 }, rejects: { ...file, records: 1 } };
    write('receipts/00001.json', forged);
    const { code, stderr } = await runPrep([pipeline, '--out', broken], { cwd: dir });
    expect([code, stderr]).toEqual([65, expect.stringMatching(/CORPUS_CORRUPT.*00001\.json: \/(tail|rejects)\/path/)]);
    if (!target.startsWith('tails/0')) await cleanUp(broken, [forged]);
    expect(existsSync(join(victim, '00001.arrow'))).toBe(true);
    expect(existsSync(path('plan.json'))).toBe(true);
  }
  fresh();
  rmSync(path('tails'), { recursive: true, force: true });
  symlinkSync(victim, path('tails'));
  await cleanUp(broken, [{ tail: { path: 'tails/00001.arrow' } } as Receipt]);
  expect(existsSync(join(victim, '00001.arrow'))).toBe(true);
});

test('a receipt whose parts are none of the plan is refused', async () => {
  fresh();
  const plan = (await readPlan(broken))!;
  const receipt = read('receipts/00001.json');
  const [first] = receipt.read as [Value];
  write('receipts/00001.json', { ...receipt, read: [{ ...first, input: 99 }] });
  await expect(readReceipt(plan, broken, 1)).rejects.toMatchObject({ code: 'CORPUS_CORRUPT' });
});

test('a receipt of 1000 shards is checked in milliseconds', async () => {
  fresh();
  const receipt = read('receipts/00001.json') as unknown as Receipt;
  const [shard] = receipt.shards;
  const shards = Array.from({ length: 1000 }, (_, i) => {
    const name = `00001-${String(i).padStart(5, '0')}.arrow`;
    const mask = { ...shard!.mask, path: `masks/adaptive/${name}` };
    return { ...shard!, path: `shards/${name}`, mask, firstWindow: i * shard!.windows };
  });
  write('receipts/00001.json', { ...receipt, shards, windows: 1000 * shard!.windows });
  await readChecked('receipt', path('receipts/00001.json'));
  const begun = performance.now();
  expect((await readChecked<Receipt>('receipt', path('receipts/00001.json'))).shards.length).toBe(1000);
  expect(performance.now() - begun).toBeLessThan(100);
});

test('inputs are asked again for what they were', async () => {
  const plan = (await readPlan(sound))!;
  const local = read('local.json') as unknown as { root: string; modified: number[] };
  expect(await changedInputs(plan, local)).toEqual([]);
  expect(await changedInputs(plan, { ...local, modified: [1, ...local.modified.slice(1)] })).toEqual([
    plan.inputs[0]!.path,
  ]);
  expect(await changedInputs(plan, { ...local, root: dir })).toEqual(plan.inputs.map((input) => input.path));
});

test('a corpus is read from everywhere with few files open', async () => {
  const corpus = await openCorpus(sound);
  const { train, validation } = corpus.manifest.windows;
  const numbers = Array.from({ length: train + validation }, (_, i) => i);
  const windows = await Promise.all(numbers.map((window) => corpus.read(window)));
  expect(windows.map(({ window }) => window)).toEqual(numbers);
  const places = await Promise.all(numbers.map((window) => corpus.layout(window)));
  expect(windows.map(({ numTokens }) => numTokens)).toEqual(places.map(({ numTokens }) => numTokens));
  for (const window of [-1, numbers.length, NaN])
    await expect(corpus.read(window), String(window)).rejects.toThrow(/no window/);
  await corpus.close();
});
