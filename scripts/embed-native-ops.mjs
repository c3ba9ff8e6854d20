// Writes the sources of the native operations as a module: `train setup` compiles them on the user's machine, and has nothing to find.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const folder = 'src/train/backend/native-ops';
const sources = Object.fromEntries(
  readdirSync(folder)
    .filter((name) => /\.(cc|h)$/.test(name))
    .sort()
    .map((name) => [name, readFileSync(`${folder}/${name}`, 'utf8')]),
);
const text = JSON.stringify(sources);
const hash = createHash('sha256').update(text).digest('hex').slice(0, 8);
writeFileSync(
  'src/train/backend/native-ops.generated.ts',
  `/** Made by scripts/embed-native-ops.mjs from ${folder}: sources by name. */\n` +
    `export const NATIVE_OPS: Readonly<Record<string, string>> =\n  ${text};\nexport const NATIVE_OPS_HASH = '${hash}';\n`,
);
