import { execFile } from 'node:child_process';
import { setupFailed } from '../../core/errors.ts';

/** Runs a program to its end; SETUP_FAILED with the last lines it printed, and `wayOut`, where it fails. */
export function runCommand(
  program: string,
  args: readonly string[],
  { cwd, wayOut, signal }: { cwd: string; wayOut: string; signal?: AbortSignal | undefined },
): Promise<void> {
  // On Windows npm is a script, which only a shell starts.
  const shell = process.platform === 'win32';
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd, signal, shell, maxBuffer: 256 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (!error) return resolve();
      const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '');
      const said = lines.length > 0 ? lines.slice(-3).join(' | ') : error.message.split('\n')[0]!;
      reject(setupFailed([program, ...args.slice(0, 3)].join(' '), said.slice(0, 600), wayOut));
    });
  });
}

/** Whether a program can be started at all. */
export const isThere = (program: string, ...args: readonly string[]): Promise<boolean> =>
  new Promise((resolve) => execFile(program, args, (error) => resolve(error === null)));
