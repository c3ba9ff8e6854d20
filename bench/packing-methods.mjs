/**
 * What each way to pack costs on the bundled sample: windows, fill, documents cut, tokens dropped, attention pairs under
 * `adaptive` and how unequal windows are in them (standard deviation of the mean). Writes the table into docs/packing.md, so that no number there is written by hand.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openCorpus } from '../dist/shard/index.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = join(root, 'docs/packing.md');
const WINDOW = 2048;
const WAYS = [
  [],
  ['--packing', 'balanced-fit'],
  ['--packing', 'first-fit'],
  ['--packing', 'first-fit-decreasing'],
  ['--packing', 'concat'],
  ['--min-segment', '64'],
  ['--long-documents', 'truncate'],
  ['--long-documents', 'drop'],
  ['--long-share', '0.3'],
];

const dir = mkdtempSync(join(tmpdir(), 'ultraprep-methods-'));
const prep = (...args) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'dist/bundle/prep.js'), ...args], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`prep ${args.join(' ')}: ${stderr}`);
  return stdout;
};
const integer = (value) => value.toLocaleString('en');
/** Standard deviation of the windows' attention pairs, of their mean. */
async function unevenness(out, windows) {
  const corpus = await openCorpus(out);
  const pairs = [];
  for (let window = 0; window < windows; window++) pairs.push((await corpus.layout(window)).mask.allowedPairs);
  await corpus.close();
  const mean = pairs.reduce((a, b) => a + b, 0) / windows;
  return Math.sqrt(pairs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / windows) / mean;
}
const rows = [];
for (const [i, flags] of WAYS.entries()) {
  const out = join(dir, String(i));
  prep(join(root, 'pipelines/quickstart.yaml'), '--window', String(WINDOW), '--passes', '0', '--out', out, ...flags);
  prep('verify', out);
  const { windows, fill, cutDocuments, tokens, attentionShare } = JSON.parse(prep('inspect', out, '--json'));
  const count = windows.train + windows.validation;
  rows.push([
    flags.length === 0 ? 'best-fit, split (the default)' : `\`${flags.join(' ')}\``,
    integer(count),
    `${(100 * fill).toFixed(2)} %`,
    integer(cutDocuments),
    integer(tokens.dropped),
    `${(100 * attentionShare).toFixed(1)} %`,
    (await unevenness(out, count)).toFixed(2),
  ]);
}
rmSync(dir, { recursive: true });
const table = [
  [
    'packing',
    'windows',
    'fill',
    'documents cut',
    'tokens dropped',
    'of all attention pairs',
    'deviation between windows',
  ],
  ['---', '---', '---', '---', '---', '---', '---'],
  ...rows,
].map((row) => `| ${row.join(' | ')} |`);
const text = readFileSync(page, 'utf8');
const [before, after] = [text.indexOf('<!-- table -->'), text.indexOf('<!-- end -->')];
writeFileSync(page, `${text.slice(0, before)}<!-- table -->\n\n${table.join('\n')}\n\n${text.slice(after)}`);
spawnSync('npx', ['prettier', '--write', page], { cwd: root });
console.log(table.join('\n'));
