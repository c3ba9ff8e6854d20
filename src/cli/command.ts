import { type Command, CommanderError } from 'commander';
import { EXIT, isPrepError } from '../core/errors.ts';
import { safe } from './format.ts';

/**
 * Runs a program and sets the exit status: what both commands share. Errors go to stderr as `error CODE: message`, with
 * `--json` as one JSON object.
 */
export async function runProgram(program: Command, argv: readonly string[]): Promise<void> {
  exitByThrowing(program);
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    process.exitCode = report(error, argv.includes('--json'));
  }
}

/** Commander would exit in the middle of things, and with 1. */
function exitByThrowing(command: Command): void {
  command.exitOverride();
  for (const sub of command.commands) exitByThrowing(sub);
}

function report(error: unknown, json: boolean): number {
  if (error instanceof CommanderError) {
    // Commander has printed help, version or what is wrong with the arguments.
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  if (isPrepError(error)) {
    const { code, message, details } = error;
    process.stderr.write(
      json ? `${JSON.stringify({ event: 'error', code, message, details })}\n` : `error ${code}: ${safe(message)}\n`,
    );
    return error.exitCode;
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
