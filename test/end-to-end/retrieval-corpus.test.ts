/** scripts/retrieval-corpus.mjs: the task of docs/training.md. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadTokenizer } from '../../src/tokenize/index.ts';
import { taskTokens } from '../../src/train/eval/retrieval-task.ts';
import { contents, temporaryFolder } from '../support/folders.ts';
import { ROOT } from '../support/prep.ts';

test('documents whose answer is in them, and a tokenizer with a token for each pair; the same bytes again', () => {
  const cwd = temporaryFolder();
  const script = join(ROOT, 'scripts/retrieval-corpus.mjs');
  const make = (dir: string, ...args: string[]) =>
    execFileSync(process.execPath, [script, dir, '--documents', '200', '--pairs', '3', '--filler', '0-9', ...args], { cwd }); // prettier-ignore
  make('a');
  make('b');
  make('c', '--seed', '2');
  expect(contents(join(cwd, 'a'))).toEqual(contents(join(cwd, 'b')));
  expect(readFileSync(join(cwd, 'a/documents.jsonl'))).not.toEqual(readFileSync(join(cwd, 'c/documents.jsonl')));

  const lines = readFileSync(join(cwd, 'a/documents.jsonl'), 'utf8').trim().split('\n');
  expect(lines).toHaveLength(200);
  for (const line of lines) {
    const { prompt, response } = JSON.parse(line) as { prompt: string; response: string };
    expect(prompt).toMatch(/^([0-9]*[a-z][A-Z]){3}[0-9]*\?[a-z]$/);
    expect(prompt.slice(0, -2)).toContain(prompt.at(-1)! + response);
    expect(prompt.match(/[0-9]/g)?.length ?? 0).toBeLessThan(10);
  }
  const tokenizer = loadTokenizer(readFileSync(join(cwd, 'a/tokenizer.json')), 'tokenizer.json');
  expect(taskTokens(tokenizer).pair).toBe(1);
  const ids = tokenizer.encode(new TextEncoder().encode('4aK71bX?b'));
  expect(ids).toHaveLength(7);
  expect(tokenizer.decode(ids)).toBe('4aK71bX?b');
}, 60_000);
