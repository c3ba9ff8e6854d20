import { mkdir, readdir, rmdir, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isLeftOver, temporaryName } from './temporary.ts';

/** Names that processes working in one folder say they are at. */
export interface Claims {
  /** Claims a name; false where another has claimed it. */
  take(name: string): Promise<boolean>;
  /** Names that others are at. */
  others(): Promise<Set<string>>;
  release(name: string): Promise<void>;
  /** Releases all. */
  close(): Promise<void>;
}

/** A claim holds so long after it was last renewed: whoever was stopped, or works on a host that died, holds nobody up for longer. */
const HOLDS_MS = 60_000;
const RENEWED_MS = 15_000;
const NAME = /^\.tmp-.+-claim-([\w-]+)$/;

/**
 * Claims are hints and no locks: empty temporary files in a folder of their own, which the sweep of temporaries removes after a
 * kill. Where they fail (a folder that cannot be written, two at the same moment) work is done twice, and nothing else.
 */
export function claimsIn(dir: string): Claims {
  const mine = new Map<string, string>();
  const renewal = setInterval(() => {
    const now = new Date();
    for (const path of mine.values()) utimes(path, now, now).catch(() => {});
  }, RENEWED_MS).unref();
  const release = async (name: string): Promise<void> => {
    const path = mine.get(name);
    mine.delete(name);
    if (path !== undefined) await unlink(path).catch(() => {});
  };
  return {
    async take(name) {
      const file = temporaryName(`claim-${name}`);
      try {
        await mkdir(dir, { recursive: true });
        await writeFile(join(dir, file), '', { flag: 'wx' });
      } catch {
        return true;
      }
      mine.set(name, join(dir, file));
      // At the same moment another may have done the same: then the first by name has it.
      if (!(await othersIn(dir, mine)).some((other) => other.name === name && other.file < file)) return true;
      await release(name);
      return false;
    },
    others: async () => new Set((await othersIn(dir, mine)).map(({ name }) => name)),
    release,
    async close() {
      clearInterval(renewal);
      await Promise.all([...mine.keys()].map(release));
      await rmdir(dir).catch(() => {});
    },
  };
}

/** Names that are claimed in a folder now. */
export const claimedIn = async (dir: string): Promise<Set<string>> =>
  new Set((await othersIn(dir, new Map())).map(({ name }) => name));

/** Claims that hold, but for one's own. */
async function othersIn(dir: string, mine: ReadonlyMap<string, string>): Promise<{ name: string; file: string }[]> {
  const claims: { name: string; file: string }[] = [];
  const own = new Set(mine.values());
  for (const file of await readdir(dir).catch(() => [])) {
    const [, name] = NAME.exec(file) ?? [];
    const path = join(dir, file);
    if (name === undefined || own.has(path) || (await isLeftOver(dir, file))) continue;
    const renewed = (await stat(path).catch(() => undefined))?.mtimeMs;
    if (renewed !== undefined && Date.now() - renewed < HOLDS_MS) claims.push({ name, file });
  }
  return claims;
}
