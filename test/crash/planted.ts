/** Bugs to be planted into a copy of the built program, each a few words of its JavaScript: the suite has to find them. */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/prep.ts';

/** [file under dist/, what stands there once, what is to stand there]; an empty text before it is the beginning of the file. */
export type Edit = readonly [file: string, from: string, to: string];

const COMMIT = 'io/commit.js';
const MERGE = 'run/merge.js';
const SPLIT = 'run/split.js';
const MANIFEST_COMMIT = 'await commitFile(`${dir}/${MANIFEST}`, `${canonicalJson(manifest)}\\n`);';
const RECEIPT_COMMIT = 'await commitFile(`${dir}/${receiptPath(split)}`, `${canonicalJson(receipt)}\\n`);';

export const BUGS = {
  'written in place': [
    [COMMIT, 'join(folder, temporaryName(name))', 'join(folder, name)'],
    [COMMIT, 'encode(text)), fs, publish);', 'encode(text)), fs);'],
    ['io/file-system.js', "open(path, 'wx')", "open(path, 'w')"],
  ],
  'no fsync': [[COMMIT, 'await open.sync();', '']],
  'no fsync of the folder': [[COMMIT, 'await fs.syncFolder(folder);', '']],
  'no fsync of folders above': [
    ['io/file-system.js', 'synced.push(folder);', ''],
    ['io/file-system.js', 'await syncFolder(dirname(folder))', 'await Promise.resolve()'],
  ],
  'manifest first': [
    [
      MERGE,
      'packAllTails(plan, dir, ordered, context);',
      'packAllTails(plan, dir, ordered, context, `${dir}/../../aside-${process.pid}`);',
    ],
    [MERGE, MANIFEST_COMMIT, `${MANIFEST_COMMIT} await packAllTails(plan, dir, ordered, context);`],
    [MERGE, 'packAllTails(plan, dir, receipts, context) {', 'packAllTails(plan, dir, receipts, context, to = dir) {'],
    [MERGE, '...shard(dir)', '...shard(to)'],
  ],
  'receipt before its files': [
    [SPLIT, '', "import { createHash } from 'node:crypto';\n"],
    [
      SPLIT,
      'const commit = async (path, write) => ({',
      `const late = [];
       const commitStream = async (path, write) => {
         const chunks = [];
         await write({ write: async (chunk) => void chunks.push(Buffer.from(chunk)) });
         const whole = Buffer.concat(chunks);
         late.push(() => commitFile(path, whole));
         return { bytes: whole.length, sha256: createHash('sha256').update(whole).digest('hex') };
       };
       const commit = async (path, write) => ({`,
    ],
    [SPLIT, RECEIPT_COMMIT, `${RECEIPT_COMMIT} for (const put of late) await put();`],
  ],
  'time in the manifest': [[MERGE, 'name: config.name,', 'name: `${config.name}-${Date.now()}`,']],
  'worker in a name': [
    ['shard/shard-sink.js', '', "import { threadId } from 'node:worker_threads';\n"],
    // Its receipts are refused otherwise: names are checked against the numbers of splits and shards.
    [
      'shard/check-sums.js',
      'const name = `${splitName(split)}-${splitName(i)}.arrow`;',
      "const name = path.slice(path.indexOf('/') + 1);",
    ],
    ['shard/shard-sink.js', '-${splitName(number)}.arrow`', '-${splitName(number + 100 * threadId)}.arrow`'],
  ],
  'tails in the order of finishing': [
    [MERGE, '', "import { statSync } from 'node:fs';\n"],
    [
      MERGE,
      'async function packAllTails(plan, dir, receipts, context) {',
      `async function packAllTails(plan, dir, inOrder, context) {
         const age = ({ split }) => statSync(\`\${dir}/\${receiptPath(split)}\`).mtimeMs;
         const receipts = [...inOrder].sort((a, b) => age(a) - age(b));`,
    ],
  ],
  'done again': [
    [
      'run/steps.js',
      'work.done, workers, on, signal);',
      '{ splits: new Map(), streams: new Map(), seen: work.done.seen }, workers, on, signal);',
    ],
  ],
  'short write taken for whole': [
    [COMMIT, 'done += taken;', 'done = chunk.length;'],
    [COMMIT, 'position += taken;', 'position += chunk.length;'],
    [COMMIT, 'if (size !== position)', 'if (size > position)'],
  ],
  'temporary left after an error': [[COMMIT, 'await fs.unlink(temporary).catch(() => { });', ';']],
  'error passed over': [
    [
      COMMIT,
      "throw callerError(error) ?? failure(path, 'committing', error, position);",
      "return { bytes: position, sha256: '0'.repeat(64) };",
    ],
  ],
} as const satisfies Record<string, readonly Edit[]>;

export type Bug = keyof typeof BUGS;

/** A copy of the program with a bug in it, below `dir`; returns its command. */
export const plant = (bug: Bug, dir: string): string => programWith(BUGS[bug], dir);

/** A copy of the built program below `dir` with some of its JavaScript changed; returns its command. */
export function programWith(edits: readonly Edit[], dir: string): string {
  mkdirSync(dir, { recursive: true });
  cpSync(join(ROOT, 'dist'), join(dir, 'dist'), { recursive: true, filter: (path) => !/\.(?:map|d\.ts)$/.test(path) });
  for (const name of ['package.json', 'schemas', 'pipelines', 'node_modules'])
    symlinkSync(join(ROOT, name), join(dir, name));
  for (const [file, from, to] of edits) {
    const path = join(dir, 'dist', file);
    const text = readFileSync(path, 'utf8');
    const found = from === '' ? 1 : text.split(from).length - 1;
    if (found !== 1)
      throw new Error(`${file} has ${found} times ${JSON.stringify(from)}; bring up to date what is to stand there`);
    writeFileSync(path, from === '' ? to + text : text.replace(from, () => to));
  }
  return join(dir, 'dist/cli/prep.js');
}
