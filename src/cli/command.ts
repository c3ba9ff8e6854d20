import { type Command, CommanderError } from 'commander';
import { EXIT, isPrepError, messageOf, usageError } from '../core/errors.ts';
import { safe } from './format.ts';

/**
 * Runs a program and sets the exit status: what both commands share. Errors go to stderr as `error CODE: message`, with
 * `--json` as one JSON object.
 */
export async function runProgram(program: Command, argv: readonly string[]): Promise<void> {
  exitByThrowing(program);
  const json = argv.includes('--json');
  // The reader of a pipe may go (`| head`): what it no longer wants is dropped, the work goes on.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  if (json) for (const command of [program, ...program.commands]) command.configureOutput({ writeErr: () => {} });
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    process.exitCode = report(error, json);
  }
}

/** USAGE where flags stand before a command: they would be the program's own. */
export function refuseFlagsBefore(program: Command): void {
  const given = program.options.filter((option) => program.getOptionValueSource(option.attributeName()) === 'cli');
  if (given.length > 0) throw usageError(`${given.map((o) => o.long).join(', ')} must stand after the command`);
}

/** Commander would exit in the middle of things, and with 1. */
function exitByThrowing(command: Command): void {
  command.exitOverride();
  for (const sub of command.commands) exitByThrowing(sub);
}

const printJson = (code: string, message: string, details: object = {}): void =>
  void process.stderr.write(`${JSON.stringify({ event: 'error', code, message, details })}\n`);

function report(error: unknown, json: boolean): number {
  if (error instanceof CommanderError) {
    // Commander has printed help, version or, without --json, what is wrong with the arguments.
    if (error.exitCode !== 0 && json) printJson('USAGE', error.message.replace(/^error: /, ''));
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  if (isPrepError(error)) {
    const { code, message, details } = error;
    if (json) printJson(code, message, details);
    else process.stderr.write(`error ${code}: ${safe(message)}\n`);
    return error.exitCode;
  }
  if (json) {
    printJson('INTERNAL', messageOf(error));
    return EXIT.internal;
  }
  const stack = error instanceof Error ? error.stack : String(error);
  process.stderr.write(`error INTERNAL: this is a bug in ultraprep, please report it with what follows\n${stack}\n`);
  return EXIT.internal;
}

/** A signal that fires on the first Ctrl-C or SIGTERM; a second one ends the process at once. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(EXIT.retry);
      controller.abort();
    });
  return controller.signal;
}
