/** What pyarrow and Python write is read as they wrote it. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { cutParts, inputFile, type ReadOptions } from '../../src/read/index.ts';
import { codeOf, readAll } from '../read/fixture.ts';

const python = process.env.ULTRAPREP_PYTHON ?? '.venv/bin/python';
const there = existsSync(python);
if (!there) console.warn(`no ${python}: interop tests are skipped; \`npm run venv\` makes it`);

describe.runIf(there)('inputs of other tools', () => {
  let dir = '';
  let texts: string[] = [];
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'inputs-'));
    await promisify(execFile)(python, ['test/interop/write_inputs.py', dir]);
    texts = JSON.parse(readFileSync(join(dir, 'texts.json'), 'utf8')) as string[];
  });

  /** Reads a file in small parts. */
  async function read(name: string, options: Partial<ReadOptions> = {}) {
    const file = await inputFile(join(dir, name), dir);
    const parts = await cutParts(file, 0, 1000);
    const reading = await readAll([file], parts, options);
    expect(reading.rejects, name).toEqual([]);
    return { ...reading, parts: parts.length };
  }

  test('tables and compressed lines of every kind have the same texts', async () => {
    const names = readdirSync(dir).filter((name) => !/refused|bytes|texts\.json/.test(name));
    expect(names.length).toBeGreaterThan(45);
    for (const name of names) {
      const reading = await read(name);
      expect(reading.texts.length, name).toBe(texts.length);
      expect(
        reading.texts.every((text, at) => text === texts[at]),
        name,
      ).toBe(true);
      if (/-(1|2)\.0-|-stream|-file/.test(name)) {
        expect(reading.parts, name).toBe(3);
        expect(reading.documents[699]?.id, name).toBe('id 699');
      }
    }
  });

  test('all bytes, and runs of every length, through bzip2', async () => {
    const [text] = (await read('bytes.txt.bz2')).documents;
    const runs = Array.from({ length: 600 }, (_, n) => `${'z'.repeat(n)}.`).join('');
    const bytes = Buffer.from(Array.from({ length: 128 * 50 }, (_, at) => at % 128));
    expect(Buffer.concat([bytes, Buffer.from(runs)]).equals(text!.text)).toBe(true);
  });

  test('fields in structs, and conversations in lists of structs', async () => {
    const template = '{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}';
    const form = { format: 'messages', messages: 'messages', template, tokens: {} } as const;
    for (const name of ['nested.parquet', 'nested.feather']) {
      expect((await read(name, { textField: 'meta.text' })).texts).toEqual(texts);
      const chats = await read(name, { form });
      const turned = texts.map((text) => [...text].toReversed().join(''));
      expect(chats.texts).toEqual(texts.map((text, at) => `user:${text};assistant:${turned[at]};`));
    }
  });

  test('compressed Arrow is refused with a reason', async () => {
    expect(await codeOf(read('refused-lz4.feather'))).toBe('INPUT_MALFORMED');
  });
});
