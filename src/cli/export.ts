import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { quantity } from '../config/index.ts';
import { usageError } from '../core/errors.ts';
import { SUBSETS, type Subset } from '../core/window.ts';
import {
  COMPRESSIONS,
  EXPORT_TARGETS,
  exportCorpus,
  type ExportOptions,
  type ExportTarget,
  newestCorpus,
  OPTIONAL_COLUMNS,
} from '../shard/index.ts';
import { stopSignal } from './command.ts';
import { bytes, count, integer, shownPath } from './format.ts';

interface ExportFlags {
  to: ExportTarget;
  out: string;
  subset: Subset;
  order: 'file' | 'training';
  epoch?: number;
  with?: string[];
  compression?: ExportOptions['compression'];
  fileBytes?: number;
  overwrite?: boolean;
  json?: boolean;
}

/** `prep export`: what is written for whom is on docs/exports.md. */
export function addExport(program: Command): void {
  program
    .command('export')
    .description('Write the windows of a packed corpus in a form that other trainers read.')
    .argument('[dir]', 'corpus folder (default: the newest under out/)')
    .addOption(new Option('--to <form>', 'whose form').choices(EXPORT_TARGETS).makeOptionMandatory())
    .requiredOption('--out <dir>', 'folder to make')
    .addOption(new Option('--subset <name>', 'which windows').choices(SUBSETS).default('train'))
    .addOption(
      new Option('--order <order>', 'by number, or as training reads them')
        .choices(['file', 'training'])
        .default('file'),
    )
    .option('--epoch <n>', 'epoch of the training order (default: 0)', epochNumber)
    .addOption(new Option('--with <columns...>', 'columns with a value for each token').choices(OPTIONAL_COLUMNS))
    .addOption(new Option('--compression <codec>', 'of Parquet (default: snappy)').choices(COMPRESSIONS))
    .option(
      '--file-bytes <size>',
      'ids in a file, where there are several (default: 512MiB; mds 32MiB, at most 64MiB)',
      size,
    )
    .option('--overwrite', 'replace an earlier export')
    .option('--json', 'print one JSON object')
    .action(async (dir: string | undefined, flags: ExportFlags) => {
      const options = optionsOf(flags);
      const corpus = resolve(dir ?? (await newestCorpus('out')));
      const { windows, windowLength, files } = await exportCorpus(
        corpus,
        { ...options, signal: stopSignal() },
        flags.json ? () => {} : percentWritten(),
      );
      const size = files.reduce((sum, file) => sum + file.bytes, 0);
      const line = `${shownPath(options.out)}: ${count(windows, 'window')} of ${integer(windowLength)} tokens, ${bytes(size)} in ${count(files.length, 'file')}`;
      const event = { event: 'done', out: options.out, to: flags.to, windows, bytes: size, files: files.length };
      process.stdout.write(`${flags.json ? JSON.stringify(event) : line}\n`);
    })
    .addHelpText(
      'after',
      `
Forms:
  hf        a folder for datasets.load_from_disk
  parquet   files for pyarrow, or datasets.load_dataset("parquet", data_dir=...)
  mds       a folder for MosaicML's StreamingDataset
  megatron  tokens.bin and tokens.idx for Megatron's IndexedDataset, and the boundaries as .npy beside them
  npy       NumPy arrays, to be mapped

Examples:
  prep export out/books --to hf --out books-hf --with position_ids
  prep export out/books --to mds --out books-mds/train --order training --epoch 0
  prep export out/books --to parquet --out books-validation --subset validation --compression zstd

The same corpus and options give the same bytes. A stopped export leaves nothing; run it again.`,
    );
}

function optionsOf(flags: ExportFlags): ExportOptions {
  const { to, subset, order, epoch, compression } = flags;
  if (epoch !== undefined && order === 'file') throw usageError('--epoch needs --order training');
  if (compression !== undefined && to !== 'parquet') throw usageError('--compression needs --to parquet');
  // Validation has no training order: nobody trains on it.
  if (order === 'training' && subset !== 'train') throw usageError('--order training needs --subset train');
  return {
    out: resolve(flags.out),
    to,
    subset,
    order: order === 'file' ? 'file' : { epoch: epoch ?? 0 },
    columns: flags.with ?? [],
    compression: compression ?? 'snappy',
    fileBytes: flags.fileBytes,
    overwrite: flags.overwrite ?? false,
  };
}

function size(text: string): number {
  const value = quantity(text);
  if (value >= 1) return value;
  throw new InvalidArgumentError('expected a size, such as 64MiB.');
}

function epochNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value < 2 ** 32) return value;
  throw new InvalidArgumentError('expected a whole number of at least 0.');
}

/** Shows on a terminal how far it is; nothing in a pipe. */
function percentWritten(): (done: number, of: number) => void {
  let shown = -1;
  return (done, of) => {
    const part = Math.floor((100 * done) / of);
    if (!process.stderr.isTTY || part === shown) return;
    shown = part;
    process.stderr.write(done === of ? '\r\x1b[K' : `\r${part} % written`);
  };
}
