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

const NEXT = { planned: 'pack', surveying: 'pack', packing: 'pack', packed: 'merge', merged: 'inspect' } as const;

function statusText(dir: string, { plan, state, entries, splits, ...of }: Status): string {
  const rows = [
    ['plan', plan.slice(0, 7)],
    ['state', state],
    ['splits', `${integer(entries.done)} done, ${integer(entries.running)} running, ${integer(entries.left)} left`],
    ['input', `${bytes(of.bytes.done)} of ${bytes(of.bytes.all)} done`],
    ['written', `${count(of.windows, 'window')} of ${count(of.documents, 'document')} in ${count(splits, 'receipt')}`],
    ['rejected', count(of.rejected, 'record')],
  ];
  return `${shownPath(dir)}\n${columns(rows, '  ')}\nnext: prep ${NEXT[state]} ${shownPath(dir)}`;
}
