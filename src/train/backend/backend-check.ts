/** A process of its own, started by check.ts: what kills it kills nothing else. Prints its findings as its last line. */
import { messageOf } from '../../core/errors.ts';
import { activate, type BackendName, versionOf } from './load.ts';
import { type CheckFigures, gigaflops, runSelfCheck } from './self-check.ts';

/** What is wrong with a backend, or null, and what it is. */
export interface Findings {
  readonly reason: string | null;
  readonly version: string;
  /** Of a product of two matrices of 512 x 512, 10^9 operations a second; null where they were not asked for. */
  readonly gigaflops: number | null;
}

/** Loss and gradient norm of a tiny model must be the cpu backend's to this, relative. */
const TOLERANCE = 1e-4;

function difference(found: CheckFigures, expected: CheckFigures): string | null {
  for (const figure of ['product', 'loss', 'gradientNorm', 'attention', 'tiled'] as const) {
    const wanted = expected[figure === 'tiled' ? 'attention' : figure];
    const error = Math.abs(found[figure] - wanted) / Math.max(1e-9, Math.abs(wanted));
    if (!(error <= TOLERANCE)) return `self-check: ${figure} is ${found[figure]}, not ${wanted} as on cpu`;
  }
  return null;
}

async function findings(name: BackendName, measure: boolean): Promise<Findings> {
  await activate('cpu');
  const expected = await runSelfCheck();
  try {
    await activate(name);
    const reason = difference(await runSelfCheck(), expected);
    return { reason, version: versionOf(name), gigaflops: measure && !reason ? await gigaflops() : null };
  } catch (error) {
    return { reason: `fails: ${messageOf(error).split('\n')[0]}`, version: '', gigaflops: null };
  }
}

const [name, measure] = process.argv.slice(2) as [BackendName, string | undefined];
process.stdout.write(`\n${JSON.stringify(await findings(name, measure === 'measure'))}\n`);
process.exit(0);
