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
      const said = tellingLines(`${stdout}\n${stderr}`) || error.message.split('\n')[0]!;
      reject(setupFailed([program, ...args.slice(0, 3)].join(' '), said.slice(0, 600), wayOut));
    });
  });
}

/** What npm, pip and compilers say around the one line that tells something. */
const NOISE = /complete log|behind a proxy|Node\.js v|^npm error(?: command.*)?$|^\s*\^*\s*$/;

/** The first lines that speak of an error, or else the last ones. */
function tellingLines(output: string): string {
  const lines = output.split('\n').filter((line) => !NOISE.test(line.trim()));
  const errors = lines.filter((line) => /error|not found|no space/i.test(line));
  return (errors.length > 0 ? errors.slice(0, 3) : lines.slice(-3)).map((line) => line.trim()).join(' | ');
}

/** Whether a program can be started at all. */
export const isThere = (program: string, ...args: readonly string[]): Promise<boolean> =>
  new Promise((resolve) => execFile(program, args, (error) => resolve(error === null)));
