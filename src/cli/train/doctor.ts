import type { Command } from 'commander';
import { BACKENDS, check, NOT_INSTALLED, OUTDATED } from '../../train/index.ts';
import { speed } from '../format.ts';

/** How to get each where it is not there. */
const WAY: Partial<Record<(typeof BACKENDS)[number], string>> = {
  'tfjs-node-gpu': 'train setup --gpu',
  'tfjs-node': 'train setup',
  webgpu: 'train setup --webgpu, then --backend webgpu',
};

/** `train doctor` */
export function doctorCommand(program: Command): void {
  program
    .command('doctor')
    .description(
      'Which backends there are, whether each computes what it should, how fast, and how to get the better ones.',
    )
    .option('--json', 'print one JSON object a backend')
    .action(async ({ json }: { json?: boolean }) => {
      let best: string | null = null;
      if (!json) process.stdout.write('backend         state\n');
      for (const name of BACKENDS) {
        const { reason, version, gigaflops } = await check(name, true);
        if (json) {
          process.stdout.write(
            `${JSON.stringify({ backend: name, ok: reason === null, reason, version, gigaflops })}\n`,
          );
          continue;
        }
        const missing =
          (reason === NOT_INSTALLED || reason === OUTDATED) && WAY[name] ? `${reason}: ${WAY[name]}` : reason;
        const good = `ok, ${version}, ${speed(gigaflops)} GFLOP/s`;
        process.stdout.write(`${name.padEnd(15)} ${missing ?? good}\n`);
        if (reason === null && name !== 'webgpu') best ??= name;
      }
      if (!json) process.stdout.write(`\n\`train\` uses ${best}.\n`);
    });
}
