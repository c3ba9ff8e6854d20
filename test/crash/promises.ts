/** What must hold of a corpus folder whatever has just happened to it, before anybody mends it. */
import type { Image } from './disk.ts';
import { isTemporaryPath, type Operation, type Trace } from './trace.ts';

/** The folder of the corpus below the one that is watched. */
export const OUT = 'out';

/** Path to content of all that a run ever commits: what passes, like tails, too. */
export type Committed = ReadonlyMap<string, Buffer>;

/** Shards are on their way side by side, with their masks: what counts is that their receipt comes after them all. */
const SIDE_BY_SIDE = /^out\/(?:shards|masks)\//;

type Publishing = Extract<Operation, { readonly op: 'rename' | 'link' }>;
/** A temporary gets its name by a rename, or by a link where nothing of that name may be replaced. */
const publishes = (operation: Operation): operation is Publishing =>
  operation.op === 'rename' || operation.op === 'link';

/** Names that stay, in the order in which a thread committed them one after the other. */
function commitsByThread(operations: readonly Operation[]): string[][] {
  const threads = new Map<number, string[]>();
  for (const operation of operations) {
    if (!publishes(operation) || isTemporaryPath(operation.to) || SIDE_BY_SIDE.test(operation.to)) continue;
    threads.set(operation.thread, [...(threads.get(operation.thread) ?? []), operation.to]);
  }
  return [...threads.values()];
}

/** Paths in a receipt or a manifest of files that it lists. */
function listed(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) =>
    key === 'path' && /^(?:shards|masks|documents|tails|rejects|noise)\//.test(String(member))
      ? [String(member)]
      : listed(member),
  );
}

/**
 * What is wrong with what a crash left after the first operations of a trace:
 * - a name that is no temporary has the whole content that is committed under it, or is not there;
 * - what the program acknowledged is there;
 * - of what one thread committed, one after the other, a prefix is there: no hole (what was removed again aside);
 * - what a receipt or the manifest lists is there.
 */
export function broken(image: Image, done: readonly Operation[], committed: Committed): string[] {
  const problems: string[] = [];
  for (const [path, content] of image) {
    if (isTemporaryPath(path)) continue;
    const whole = committed.get(path);
    if (whole === undefined) problems.push(`${path}: nothing of this name is ever committed`);
    else if (!whole.equals(content)) problems.push(`${path}: not the content that is committed under this name`);
  }
  const has = (path: string) => image.has(`${OUT}/${path}`);
  const removed = new Set(done.flatMap(({ op, path }) => (op === 'unlink' || op === 'rm' ? [path] : [])));
  for (const { op, path } of done)
    if (op === 'ack' && !has(path) && !removed.has(`${OUT}/${path}`)) problems.push(`${path}: acknowledged, and gone`);
  for (const names of commitsByThread(done)) {
    const last = names.findLastIndex((name) => image.has(name));
    for (const name of names.slice(0, last))
      if (!image.has(name) && !removed.has(name))
        problems.push(`${name}: gone, where the later ${names[last]} is there`);
  }
  const merged = has('manifest.json');
  for (const [path, content] of image) {
    const lists = /^out\/(survey\/)?(?:receipts\/[^.]*|manifest)\.json$/.exec(path);
    if (!lists || !committed.get(path)?.equals(content)) continue;
    const folder = lists[1] ?? '';
    // What a manifest makes superfluous may be gone.
    const passing = (file: string) => merged && /^(?:survey|(?:tails|rejects)\/\d)/.test(file);
    for (const file of listed(JSON.parse(content.toString())).map((name) => `${folder}${name}`))
      if (!has(file) && !passing(file)) problems.push(`${path}: lists ${file}, which is not there`);
  }
  return problems;
}

/** What a whole run commits, by its trace; the same name never with two contents. */
export function committedBy({ operations }: Trace): Committed {
  const open = new Map<string, Buffer[]>();
  const committed = new Map<string, Buffer>();
  for (const operation of operations) {
    if (operation.op === 'create') open.set(operation.path, []);
    else if (operation.op === 'write') open.get(operation.path)!.push(Buffer.from(operation.data, 'base64'));
    else if (publishes(operation)) {
      const content = Buffer.concat(open.get(operation.path)!);
      if (committed.get(operation.to)?.equals(content) === false) throw new Error(`${operation.to}: two contents`);
      committed.set(operation.to, content);
    }
  }
  return committed;
}
