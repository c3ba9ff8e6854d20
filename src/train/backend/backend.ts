import { backendUnavailable, usageError } from '../../core/errors.ts';
import { check } from './check.ts';
import { activate, type BackendName, BACKENDS } from './load.ts';

export interface Candidate {
  readonly name: BackendName;
  readonly accepted: boolean;
  /** One line: why it was refused, or what was checked. */
  readonly reason: string;
}

export interface ChosenBackend {
  readonly name: BackendName;
  /** All that were tried, in order; the last one is the chosen one. */
  readonly candidates: readonly Candidate[];
}

/** Slow, or not made for training: taken only where it is asked for. */
const ON_REQUEST: ReadonlySet<BackendName> = new Set(['webgpu']);

/** The first backend, by preference, that is installed and passes the self-check, or `only` that one; it is active then. */
export async function chooseBackend(only: string | null = null): Promise<ChosenBackend> {
  if (only !== null && !BACKENDS.some((name) => name === only))
    throw usageError(`--backend ${only}: known are ${BACKENDS.join(', ')}`);
  const names = BACKENDS.filter((name) => (only === null ? !ON_REQUEST.has(name) : name === only));
  const candidates: Candidate[] = [];
  for (const name of names) {
    const { reason } = await check(name);
    candidates.push({
      name,
      accepted: reason === null,
      reason: reason ?? 'self-check passed: loss and gradients as cpu',
    });
    if (reason !== null) continue;
    await activate(name);
    return { name, candidates };
  }
  throw backendUnavailable(
    only ?? 'any',
    candidates.map(({ name, reason }) => `${name}: ${reason}`),
  );
}
