import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Status, statusOf } from '../../run/index.ts';
import { bytes, columns, count, integer, shownPath } from '../format.ts';
import { print } from './run.ts';

/** `prep status DIR`: what is done, running and left of a plan. */
export function statusCommand(program: Command): void {
  program
    .command('status')
    .description('Show what of a plan is done, running and left.')
    .argument('<dir>', 'folder with the plan')
    .option('--json', 'print one JSON object')
    .action(async (dir: string, flags: { json?: boolean }) => {
      const out = resolve(dir);
      const status = await statusOf(out);
      print(flags.json ? JSON.stringify({ dir: out, ...status }) : statusText(out, status));
    });
}

const NEXT: Readonly<Record<Status['state'], string>> = {
  planned: 'pack',
  surveying: 'pack',
  packing: 'pack',
  packed: 'merge',
  merged: 'inspect',
};

function statusText(dir: string, { plan, state, entries, splits, passes, ...of }: Status): string {
  const { all, left } = passes;
  const rows = [
    ['plan', plan.slice(0, 7)],
    ['state', state],
    ['splits', `${integer(entries.done)} done, ${integer(entries.running)} running, ${integer(entries.left)} left`],
    ['input', `${bytes(of.bytes.done)} of ${bytes(of.bytes.all)} done`],
    ['written', `${count(of.windows, 'window')} of ${count(of.documents, 'document')} in ${count(splits, 'receipt')}`],
    ['rejected', count(of.rejected, 'record')],
    [
      'noise',
      `${integer(all - left.length)} of ${count(all, 'pass')} made${left.length > 0 ? `, left: ${ranges(left)}` : ''}`,
    ],
  ];
  const out = shownPath(dir);
  const next =
    state === 'merged' && left.length > 0 ? `merge ${out}, for the noise that is left` : `${NEXT[state]} ${out}`;
  return `${out}\n${columns(rows, '  ')}\nnext: prep ${next}`;
}

/** `0 to 3, 7`: of numbers that go up. */
function ranges(numbers: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const n of numbers) {
    const last = parts.at(-1);
    if (last && last[1] === n - 1) last[1] = n;
    else parts.push([n, n]);
  }
  return parts.map(([from, to]) => (from === to ? `${from}` : `${from} to ${to}`)).join(', ');
}
