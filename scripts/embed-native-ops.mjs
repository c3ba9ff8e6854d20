// Writes the source of the native operations as a module: `train setup` compiles it on the user's machine, and has nothing to find.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const source = readFileSync('src/train/backend/native-ops.cc', 'utf8');
const hash = createHash('sha256').update(source).digest('hex').slice(0, 8);
writeFileSync(
  'src/train/backend/native-ops.generated.ts',
  `/** Made by scripts/embed-native-ops.mjs from src/train/backend/native-ops.cc. */\n` +
    `export const NATIVE_OPS =\n  ${JSON.stringify(source)};\nexport const NATIVE_OPS_HASH = '${hash}';\n`,
);
