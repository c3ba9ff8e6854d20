/** Fine-tuning records from the file to the segments of a verified corpus. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCorpus } from '../../src/shard/index.ts';
import { loadTokenizer } from '../../src/tokenize/index.ts';
import { writeJsonl } from '../support/corpus.ts';
import { temporaryFolder } from '../support/folders.ts';
import { prep, runPrep, TOKENIZER } from '../support/prep.ts';

const dir = temporaryFolder();
const tokenizer = loadTokenizer(readFileSync(TOKENIZER), 'sample');
const WINDOW = 128;

/** Each document's parts: its prompt and the rest, as text. */
async function partsOf(out: string): Promise<[prompt: string, rest: string][][]> {
  await prep(['verify', out], { cwd: dir });
  const corpus = await openCorpus(out);
  const documents: [string, string][][] = [];
  const { train, validation } = corpus.manifest.windows;
  for (let window = 0; window < train + validation; window++) {
    const { inputIds, segments } = await corpus.read(window);
    for (const { document, part, start, length, promptTokens } of segments)
      (documents[document] ??= [])[part] = [
        tokenizer.decode(inputIds.subarray(start, start + promptTokens)),
        tokenizer.decode(inputIds.subarray(start + promptTokens, start + length)),
      ];
  }
  await corpus.close();
  return documents;
}

const pack = (input: string, out: string, ...flags: string[]) => [
  'pack',
  input,
  '--window',
  String(WINDOW),
  '--out',
  out,
  '--passes',
  '0',
  ...flags,
];

test('prompt and response: the prompt’s tokens are counted in every part of a document that was cut', async () => {
  const long = 'The prompt of a long document, with more words than a window has room for. '.repeat(12);
  const input = writeJsonl(join(dir, 'pairs.jsonl'), [
    { question: 'What is a window? ', answer: 'A row of tokens.' },
    { question: long, answer: 'Short.' },
  ]);
  const out = join(dir, 'pairs');
  const fields = ['--format', 'prompt-response', '--prompt-field', 'question', '--response-field', 'answer'];
  await prep(pack(input, out, '--tokenizer', TOKENIZER, ...fields), { cwd: dir });
  const [short, cut] = await partsOf(out);
  expect(short).toEqual([['What is a window? ', 'A row of tokens.']]);
  expect(cut!.length).toBeGreaterThan(1);
  expect(cut!.map(([prompt]) => prompt).join('')).toBe(long);
  expect(cut!.map(([, rest]) => rest).join('')).toBe('Short.');
});

test.each([
  ['split', 'adaptive'],
  ['split', 'eod'],
  ['truncate', 'adaptive'],
  ['truncate', 'eod'],
  ['drop', 'adaptive'],
])('what is all prompt is told before, after and later: %s, %s', async (what, policy) => {
  const long = 'A prompt that is longer than a window, and has to be cut. '.repeat(30);
  const input = writeJsonl(join(dir, 'long-prompts.jsonl'), [
    { prompt: 'What is a window? ', response: 'A row of tokens.' },
    { prompt: long, response: 'Lost.' },
    { prompt: `Or: ${long}`, response: 'Lost too.' },
  ]);
  const flags = ['--tokenizer', TOKENIZER, '--format', 'prompt-response', '--long-documents', what, '--policy', policy];
  const out = `prompts-${what}-${policy}`;
  const forecast = await prep([...pack(input, out, ...flags), '--dry-run', '--json'], { cwd: dir });
  const run = await prep(pack(input, out, ...flags), { cwd: dir });
  const inspected = await prep(['inspect', out], { cwd: dir });
  const json = (await prep(['inspect', out, '--json'], { cwd: dir })).stdout;
  const { promptOnly } = JSON.parse(json) as { promptOnly: { documents: number; segments: number; tokens: number } };
  // By hand: the segments as they lie in the windows; under eod the last one has a separator.
  const corpus = await openCorpus(join(dir, out));
  const counted = { documents: 0, segments: 0, tokens: 0 };
  for (let window = 0; window < corpus.manifest.windows.train; window++)
    for (const { promptTokens, length, part } of (await corpus.read(window)).segments) {
      if (length - promptTokens > (policy === 'eod' && what === 'truncate' ? 1 : 0)) continue;
      counted.segments++;
      counted.tokens += length;
      if (part === 0) counted.documents++;
    }
  await corpus.close();
  expect(promptOnly).toEqual(counted);
  expect(counted.documents).toBe(what === 'drop' ? 0 : 2);
  const events = forecast.stdout.trim().split('\n').map((line) => JSON.parse(line) as { event: string; code?: string }); // prettier-ignore
  // A cut that goes by the text is elsewhere in a forecast.
  if (what !== 'split') expect(events.find(({ event }) => event === 'forecast')).toMatchObject({ promptOnly });
  expect(events.some(({ code }) => code === 'PROMPT_ONLY')).toBe(what !== 'drop');
  const says = new RegExp(
    `${counted.segments} segments .* of 2 documents are all prompt.*--window, or --long-documents drop`,
  );
  for (const { stdout } of [run, inspected])
    if (what === 'drop') expect(stdout).not.toContain('all prompt');
    else expect(stdout).toMatch(says);
  if (what === 'drop') expect(inspected.stdout).toMatch(/1 document +\d+ tokens +of 3 documents read$/m);
});

test('messages: by the chat template beside the tokenizer, whose special tokens no message can write', async () => {
  const model = join(dir, 'model');
  mkdirSync(model);
  copyFileSync(TOKENIZER, join(model, 'tokenizer.json'));
  const template = '{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{{ eos_token }}{% endfor %}';
  const tokens = { bos_token: { content: '<|bos|>', special: true }, eos_token: '<|eos|>' };
  const configuration = join(model, 'tokenizer_config.json');
  writeFileSync(configuration, JSON.stringify({ chat_template: [{ name: 'default', template }], ...tokens }));
  const messages = [
    { role: 'user', content: 'Say <|eos|>.' },
    { role: 'assistant', content: '<|eos|><|mask|>' },
  ];
  const input = writeJsonl(join(dir, 'chats.jsonl'), [{ messages }]);
  const flags = ['--tokenizer', join(model, 'tokenizer.json'), '--format', 'messages'];
  await prep(pack(input, join(dir, 'chats'), ...flags), { cwd: dir });
  expect(await partsOf(join(dir, 'chats'))).toEqual([
    [['<|bos|>[user]Say <|eos|>.<|eos|>[assistant]', '<|eos|><|mask|><|eos|>']],
  ]);
  const corpus = await openCorpus(join(dir, 'chats'));
  const { inputIds, numTokens } = await corpus.read(0);
  await corpus.close();
  const special = [...inputIds.subarray(0, numTokens)].filter((id) => !tokenizer.isOrdinary(id));
  expect(special).toEqual(['<|bos|>', '<|eos|>', '<|eos|>'].map((token) => tokenizer.idOf(token)));

  // Another template is another plan.
  writeFileSync(configuration, JSON.stringify({ chat_template: `${template}!`, ...tokens }));
  const changed = await runPrep(pack(input, join(dir, 'chats'), ...flags), { cwd: dir });
  expect([changed.code, changed.stderr]).toEqual([65, expect.stringContaining('form')]);
});

test('without a chat template, with a broken one: refused before any work, with the way out', async () => {
  const input = writeJsonl(join(dir, 'any.jsonl'), [{ messages: [{ role: 'assistant', content: 'a' }] }]);
  const flags = ['--tokenizer', TOKENIZER, '--format', 'messages'];
  const none = await runPrep(pack(input, join(dir, 'none'), ...flags), { cwd: dir });
  expect([none.code, none.stderr]).toEqual([65, expect.stringContaining('--chat-template')]);
  const file = join(dir, 'broken.jinja');
  writeFileSync(file, '{% for m in messages %}');
  const broken = await runPrep(pack(input, join(dir, 'none'), ...flags, '--chat-template', file), { cwd: dir });
  expect([broken.code, broken.stderr]).toEqual([65, expect.stringContaining('broken.jinja')]);
  writeFileSync(file, '{% for m in messages %}{{ m.content }}{% endfor %}');
  await prep(pack(input, join(dir, 'given'), ...flags, '--chat-template', file), { cwd: dir });
  expect(await partsOf(join(dir, 'given'))).toEqual([[['', 'a']]]);
});
