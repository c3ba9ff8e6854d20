/** `prep verify` against damaged and forged corpora: exit 1, and the file or window by name. */
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { inspectCorpus, type Verification, verifyCorpus } from '../../src/run/index.ts';
import { type FileEntry, type Manifest, openCorpus, readDocuments } from '../../src/shard/index.ts';
import { readShardColumns } from '../../src/shard/shard-columns.ts';
import { isPrepError } from '../../src/core/errors.ts';
import { writeSmallCorpus } from '../support/corpus.ts';
import { filesBelow, temporaryFolder } from '../support/folders.ts';
import { prep, runPrep } from '../support/prep.ts';

const dir = temporaryFolder();
const sound = join(dir, 'sound');
const broken = join(dir, 'broken');

beforeAll(async () => {
  await prep([writeSmallCorpus(join(dir, 'inputs')), '--out', sound, '--policy', 'adaptive'], { cwd: dir });
});

const path = (name: string) => join(broken, name);
const read = (name: string) => readFileSync(path(name));
const manifest = () => JSON.parse(read('manifest.json').toString()) as Manifest;
const fresh = () => (rmSync(broken, { recursive: true, force: true }), cpSync(sound, broken, { recursive: true }));

/** What is wrong, by the library; a PrepError counts as one problem. */
async function problems(): Promise<readonly string[]> {
  try {
    return (await verifyCorpus(broken)).problems;
  } catch (error) {
    if (!isPrepError(error)) throw error;
    return [`${error.code}: ${error.message}`];
  }
}

function flip(name: string, at: number): void {
  const bytes = read(name);
  bytes[at] = bytes[at]! ^ 0x10;
  writeFileSync(path(name), bytes);
}

const KINDS = [
  'shards/00001-00000.arrow',
  'masks/adaptive/00001-00000.arrow',
  'documents/00001.arrow',
  'noise/pass-001.arrow',
  'tokenizer.json',
];

test.each(KINDS)('a flipped byte in %s, and the file gone', async (name) => {
  fresh();
  flip(name, read(name).length >> 1);
  const { code, stdout } = await runPrep(['verify', broken], { cwd: dir });
  expect([code, stdout]).toEqual([1, expect.stringContaining(`${name}: content differs from its checksum`)]);
  rmSync(path(name));
  const gone = await runPrep(['verify', broken, '--json'], { cwd: dir });
  expect(gone.code).toBe(1);
  expect((JSON.parse(gone.stdout) as Verification).problems.join('\n')).toContain(`${name}: missing`);
});

test('a flipped byte is found at whichever place it is', { timeout: 120_000 }, async () => {
  for (const name of KINDS) {
    const size = readFileSync(join(sound, name)).length;
    for (const at of [0, 9, 50, 300, size - 300, size - 12, size - 1]) {
      fresh();
      flip(name, at);
      expect((await problems()).join('\n'), `${name}, byte ${at}`).toContain(name);
    }
  }
});

/** Every number and text in a JSON value: its place, and a function that gives the value with it changed. */
function* changes(value: unknown, place: string): Generator<{ place: string; changed: unknown }> {
  if (typeof value === 'number') yield { place, changed: value + 1 };
  else if (typeof value === 'string') yield { place, changed: `${value}x` };
  else if (typeof value === 'object' && value !== null)
    for (const [key, member] of Object.entries(value))
      for (const inner of changes(member, `${place}.${key}`)) {
        const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
        copy[key] = inner.changed;
        yield { place: inner.place, changed: copy };
      }
}

test('no number and no text in the manifest can be changed unseen', { timeout: 120_000 }, async () => {
  fresh();
  const whole = manifest();
  const short = { ...whole, splits: [whole.splits[0], whole.splits.at(-2), whole.splits.at(-1)] };
  const places = new Set([...changes(short, '')].map(({ place }) => place.replaceAll(/\.\d+/g, '.#')));
  expect(places.size).toBeGreaterThan(40);
  const unseen: string[] = [];
  const seen = new Set<string>();
  for (const { place, changed } of changes(whole, 'manifest')) {
    const kind = place.replaceAll(/\.\d+/g, '.#');
    if (seen.has(kind)) continue; // One split and one shard stand for all.
    seen.add(kind);
    writeFileSync(path('manifest.json'), JSON.stringify(changed));
    if ((await problems()).length === 0) unseen.push(kind);
  }
  expect(unseen).toEqual([]);
});

/** Writes a file anew and puts its size and checksum into the manifest: a forgery that no checksum gives away. */
function forge(name: string, bytes: Uint8Array): void {
  writeFileSync(path(name), bytes);
  const entry = { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  const fixed = (file: FileEntry) => (file.path === name ? { ...file, ...entry } : file);
  const { splits, ...rest } = manifest();
  const forged = splits.map(({ shards, table, ...split }) => ({
    ...split,
    shards: shards.map(({ mask, ...shard }) => ({ ...fixed(shard as FileEntry), mask: fixed(mask) })),
    table: table && fixed(table),
  }));
  writeFileSync(path('manifest.json'), JSON.stringify({ ...rest, splits: forged }));
}

/** The place of some int32 values in a file, one after the other. */
function placeOf(bytes: Buffer, values: readonly number[]): number {
  const wanted = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => wanted.writeInt32LE(value, i * 4));
  const at = bytes.indexOf(wanted);
  if (at < 0) throw new Error(`no ${values.join(', ')} in the file`);
  return at;
}

test('a mask that is not that of its boundaries is found behind a right checksum', async () => {
  fresh();
  const name = 'masks/adaptive/00001-00000.arrow';
  const bytes = read(name);
  const { splits, windowLength } = JSON.parse(readFileSync(join(sound, 'manifest.json'), 'utf8')) as Manifest;
  const columns = await readShardColumns(sound, splits[1]!.shards[0]!, windowLength);
  // The first row of blocks: from block 0 to its end, which is four blocks of 128 at the most.
  const at = columns.blockMask.at[0]!;
  bytes.writeInt32LE(bytes.readInt32LE(at + 4) === 4 ? 3 : 4, at + 4);
  forge(name, bytes);
  expect((await problems()).join('\n')).toMatch(
    /shards\/00001-00000\.arrow, window \d+: its attention mask is not that of its boundaries/,
  );
});

test('a special id, a token too many and a padding token that is none are found in a shard', async () => {
  const name = 'shards/00001-00000.arrow';
  const [{ batches }] = (JSON.parse(readFileSync(join(sound, 'manifest.json'), 'utf8')) as Manifest).splits[1]!
    .shards as [Manifest['splits'][0]['shards'][0]];
  for (const [id, message] of [
    [4093, /window 0: token 5 is the special id 4093/],
    [99_999, /window 0: token 5 is 99999/],
  ] as const) {
    fresh();
    const bytes = read(name);
    bytes.writeInt32LE(id, batches[0]!.offset + 5 * 4);
    forge(name, bytes);
    expect((await problems()).join('\n')).toMatch(message);
  }
});

test('a document that the table counts shorter than it is breaks the conservation of tokens', async () => {
  fresh();
  const name = 'documents/00001.arrow';
  const bytes = read(name);
  const row = readDocuments(bytes).row(0);
  const at = placeOf(bytes, [row.tokens, 0]);
  bytes.writeInt32LE(row.tokens - 1, at);
  forge(name, bytes);
  expect((await problems()).join('\n')).toMatch(/document 0 of split 1/);
});

test.each(['bos', 'eos', 'mask'] as const)('an adaptive corpus has no %s id in a document', async (role) => {
  fresh();
  const { splits, tokenizer } = manifest();
  const { path: name, batches } = splits[1]!.shards[0]!;
  const id = tokenizer.specialIds[role] ?? 0;
  const bytes = read(name);
  // The last token of a document is a place like any other: no separator stands there.
  const corpus = await openCorpus(broken);
  const window = splits[1]!.firstWindow;
  const last = (await corpus.layout(window)).segments[0]!.length - 1;
  await corpus.close();
  for (const at of [3, last]) {
    const forged = Buffer.from(bytes);
    forged.writeInt32LE(id, batches[0]!.offset + at * 4);
    forge(name, forged);
    expect(await problems()).toEqual([
      `${name}, window 0: token ${at} is the special id ${id}, which no document can hold`,
    ]);
  }
});

test.each(['split', 'truncate'])(
  'under eod with %s the separator stands after each document, and nowhere else',
  async (long) => {
    const eod = join(dir, `eod-${long}`);
    const args = ['--policy', 'eod', '--window', '128', '--long-documents', long];
    await prep([join(dir, 'inputs/pipeline.yaml'), '--out', eod, ...args], { cwd: dir });
    const again = () => (rmSync(broken, { recursive: true, force: true }), cpSync(eod, broken, { recursive: true }));
    again();
    expect(await problems()).toEqual([]);
    const { splits, tokenizer } = manifest();
    const eos = tokenizer.specialIds.eos!;
    const kinds = new Set<string>();
    const corpus = await openCorpus(eod);
    for (const { firstWindow, shards } of splits)
      for (const { path: name, firstWindow: inSplit, windows, batches } of shards)
        for (let row = 0; row < Math.min(windows, batches[0]!.windows); row++) {
          const { segments, inputIds } = await corpus.read(firstWindow + inSplit + row);
          for (const { start, length, part } of segments) {
            const ends = inputIds[start + length - 1] === eos;
            const kind = `${ends ? 'last' : 'inner'} part${part === 0 ? '' : ' of a cut document'}`;
            if (kinds.has(kind)) continue;
            kinds.add(kind);
            again();
            const bytes = read(name);
            const at = start + length - 1;
            bytes.writeInt32LE(ends ? 5 : eos, batches[0]!.offset + (row * 128 + at) * 4);
            forge(name, bytes);
            const problem = ends
              ? `token ${at} is 5, where the separator ${eos} of document`
              : `token ${at} is the special id ${eos}, which no document can hold`;
            expect(await problems(), kind).toEqual([expect.stringContaining(`${name}, window ${row}: ${problem}`)]);
          }
        }
    await corpus.close();
    expect([...kinds].sort()).toEqual(
      long === 'split'
        ? ['inner part', 'inner part of a cut document', 'last part', 'last part of a cut document']
        : ['last part'],
    );
  },
);

test('verify and inspect say how far they are', async () => {
  const seen: string[] = [];
  const progress = (what: string) => (done: number, of: number) => void seen.push(`${what} ${done} of ${of}`);
  await verifyCorpus(sound, { onProgress: progress('verify') });
  await inspectCorpus(sound, progress('inspect'));
  const { windows } = JSON.parse(readFileSync(join(sound, 'manifest.json'), 'utf8')) as Manifest;
  const all = windows.train + windows.validation;
  for (const what of ['verify', 'inspect'])
    for (const done of [1, all]) expect(seen).toContain(`${what} ${done} of ${all}`);
});

test('a file that the manifest does not list is named', async () => {
  fresh();
  writeFileSync(path('shards/99999-00000.arrow'), 'x');
  expect(await problems()).toEqual(['shards/99999-00000.arrow: not in the manifest']);
  expect(filesBelow(sound)).not.toContain('shards/99999-00000.arrow');
});
