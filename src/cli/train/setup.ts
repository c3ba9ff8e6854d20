import type { Command } from 'commander';
import { backendUnavailable, interrupted, usageError } from '../../core/errors.ts';
import { check, folderOf, type Optional, setUp } from '../../train/index.ts';
import { speed } from '../format.ts';
import { stopSignal } from '../command.ts';

interface SetupFlags {
  gpu?: boolean;
  webgpu?: boolean;
  force?: boolean;
}

/** `train setup` */
export function setupCommand(program: Command): void {
  program
    .command('setup')
    .description(
      'Install a faster backend for this user: tfjs-node (1.1 GB of disk), with --gpu tfjs-node-gpu (6 GB), checked before it is used.',
    )
    .option('--gpu', 'for an NVIDIA GPU')
    .option('--webgpu', 'for another GPU, by WebGPU: experimental, used only with --backend webgpu')
    .option('--force', 'install it anew where it is there')
    .addHelpText(
      'after',
      `
On Linux the addon is compiled (8 s) against the TensorFlow of PyPI: python3 with pip and a C++ compiler are needed. Elsewhere, and
where that fails, TensorFlow.js's own download is used. Installed into $ULTRAPREP_CACHE or the user's cache folder.`,
    )
    .action(async ({ gpu, webgpu, force }: SetupFlags) => {
      if (gpu && webgpu) throw usageError('--gpu and --webgpu are two backends: ask for one');
      const name: Optional = gpu ? 'tfjs-node-gpu' : webgpu ? 'webgpu' : 'tfjs-node';
      const say = (line: string): void => void process.stdout.write(`${line}\n`);
      if (!force && (await check(name)).reason === null) return say(`${name} is there and passes its self-check`);
      const signal = stopSignal();
      try {
        const folder = await setUp(name, { onStep: say, signal });
        say(`installed into ${folder}`);
      } catch (error) {
        throw signal.aborted ? interrupted(0, 1, 'installations') : error;
      }
      say('self-check: loss, gradients and attention against cpu');
      const { reason, version, gigaflops } = await check(name, true);
      if (reason !== null) throw backendUnavailable(name, [`${name} in ${folderOf(name)}: ${reason}`]);
      say(`${name}: ok, ${version}, ${speed(gigaflops)} GFLOP/s; \`train\` uses it from now on`);
    });
}
