import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Findings } from './backend-check.ts';
import type { BackendName } from './load.ts';
import { isInstalled, olderFoldersOf, type Optional } from './native.ts';

/** A GPU that compiles its kernels first (half an hour on one newer than the library) is told apart from one that hangs. */
const PATIENCE_MS = 45 * 60_000;

export const NOT_INSTALLED = 'not installed';
/** `train setup` made it with other versions of what it is built from. */
export const OUTDATED = 'set up by another version';

/** From sources (tests) the compiled file is used: Node 20 cannot load TypeScript. */
const FILE = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/train/backend/backend-check.js' : './backend-check.js',
  import.meta.url,
);

/** Loads a backend in a process of its own and compares a product, a training step and attention with cpu's. */
export async function check(name: BackendName, measure = false): Promise<Findings> {
  if (!isInstalled(name)) {
    const older = await olderFoldersOf(name as Optional);
    return { reason: older.length > 0 ? OUTDATED : NOT_INSTALLED, version: '', gigaflops: null };
  }
  const args = [fileURLToPath(FILE), name, ...(measure ? ['measure'] : [])];
  return new Promise((resolve) => {
    const options = { timeout: PATIENCE_MS, maxBuffer: 64 * 1024 * 1024 };
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      const last = stdout.trimEnd().split('\n').at(-1)!;
      const failed = (reason: string): void => resolve({ reason, version: '', gigaflops: null });
      if (error?.signal) return failed(`its process died of ${error.signal}`);
      try {
        return resolve(JSON.parse(last) as Findings);
      } catch {
        const why = stderr.split('\n').find((line) => /error/i.test(line)) ?? stderr.trim().split('\n').at(-1) ?? '';
        return failed(`its process ended with ${error?.code ?? 0} (${why.trim().slice(0, 200)})`);
      }
    });
  });
}
