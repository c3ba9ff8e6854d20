// `export-child.mjs CORPUS FORM OUT`: exports all into one file, and prints the most memory it held, in MiB.
import { exportCorpus } from '../../dist/shard/index.js';

const [corpus, to, out] = process.argv.slice(2);
const options = { to, out, subset: 'train', order: 'file', columns: [], compression: 'none', overwrite: false };
await exportCorpus(corpus, { ...options, fileBytes: 4 * 2 ** 30 });
process.stdout.write(String(process.resourceUsage().maxRSS / 1024));
