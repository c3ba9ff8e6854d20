import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout, without a slash at its end. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/[/\\]$/, '');
export const PREP = join(ROOT, 'dist/bundle/prep.js');
export const SAMPLES = join(ROOT, 'samples');
export const TOKENIZER = join(SAMPLES, 'tokenizer.json');

/** How a command ended: `code` is null when a signal ended it. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** Starts a command without a shell; its output is gathered. */
export function start(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<Ended>((resolve, reject) => {
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve({ code, signal, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
    );
  });
  return { child, ended };
}

export const startPrep = (args: readonly string[], { cwd }: { cwd: string }): Running =>
  start(process.execPath, [PREP, ...args], cwd);

/** Runs the built `prep` to its end. */
export const runPrep = (args: readonly string[], options: { cwd: string }): Promise<Ended> =>
  startPrep(args, options).ended;

/** The same where anything but exit status 0 is a failure of the test. */
export async function prep(args: readonly string[], options: { cwd: string }): Promise<Ended> {
  const ended = await runPrep(args, options);
  if (ended.code !== 0) throw new Error(`prep ${args.join(' ')}: exit ${ended.code ?? ended.signal}\n${ended.stderr}`);
  return ended;
}
