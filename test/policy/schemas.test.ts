/** The schemas are valid: they are compiled without being checked, which costs every start 100 ms. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { ROOT } from '../support/prep.ts';

const names = readdirSync(join(ROOT, 'schemas')).filter((name) => name.endsWith('.schema.json'));
const schemaOf = (name: string) => JSON.parse(readFileSync(join(ROOT, 'schemas', name), 'utf8')) as object;

test('there are schemas', () => expect(names.length).toBeGreaterThanOrEqual(4));

test.each(names)('%s is a valid JSON Schema', (name) => {
  const ajv = new Ajv2020({ strict: false });
  expect(ajv.validateSchema(schemaOf(name)), ajv.errorsText()).toBe(true);
});

test('a schema that is none is found out', () => {
  expect(new Ajv2020({ strict: false }).validateSchema({ type: 'nonsense' })).toBe(false);
});
