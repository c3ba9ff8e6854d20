// Compiles the schemas to code once, at build time: at every start it took 110 of 280 ms, ajv's own modules included. What the
// code still asks for by name (formats, the length of a text) is handed in (src/core/validator.ts), so that nothing has to be found at run time.
import { readFileSync, writeFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import standalone from 'ajv/dist/standalone/index.js';
import _ from 'ajv/dist/compile/codegen/index.js';

const schema = (name) => JSON.parse(readFileSync(`schemas/${name}.schema.json`, 'utf8'));
// They are checked by test/policy; `code.source` keeps the code.
const OPTIONS = { strict: false, validateSchema: false };

function write(file, ajv, exported) {
  const code = standalone.default(ajv, exported);
  writeFileSync(
    file,
    `// @ts-nocheck\n/** Made by scripts/build-validators.mjs from schemas/. */\nexport function compiled(require) {\nconst exports = {};\n${code}\nreturn exports;\n}\n`,
  );
}

const corpus = new Ajv2020({ ...OPTIONS, code: { source: true } });
for (const name of ['plan', 'manifest', 'receipt', 'local', 'noise']) corpus.addSchema(schema(name));
// Which schema a kind of file is held to is said there alone.
const kinds = [...readFileSync('src/shard/check.ts', 'utf8').matchAll(/^ {2}(\w+): \{ schema: '([^']+)'/gm)];
write('src/shard/schemas.generated.ts', corpus, Object.fromEntries(kinds.map(([, kind, ref]) => [kind, ref])));

const pipeline = new Ajv2020({
  ...OPTIONS,
  allErrors: true,
  useDefaults: true,
  verbose: true,
  code: { source: true, formats: _._`require('./formats')` },
});
for (const format of new Set(JSON.stringify(schema('pipeline')).match(/(?<="format":")\w+/g)))
  pipeline.addFormat(format, () => true);
pipeline.addSchema(schema('pipeline'), 'pipeline');
pipeline.addSchema(schema('noise'), 'noise');
write('src/config/schema.generated.ts', pipeline, { pipeline: 'pipeline', noise: 'noise' });
