/** Records that are more than a text: where the prompt ends, and what of a conversation is the chat template's. */
import { parquetWriteBuffer } from 'hyparquet-writer';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { Document } from '../../src/core/document.ts';
import type { ReadOptions } from '../../src/read/index.ts';
import { REAL } from '../support/tokenizers.ts';
import { codeOf, folder, readOne } from './fixture.ts';

const dir = folder();
const PAIRS = { form: { format: 'prompt-response', prompt: 'q.text', response: 'a' } } as const;
const jsonl = (...records: unknown[]) => records.map((record) => `${JSON.stringify(record)}\n`).join('');
const splitOf = ({ text, prompt }: Document): [string, string] => {
  const decoder = new TextDecoder();
  return [decoder.decode(text.subarray(0, prompt?.bytes)), decoder.decode(text.subarray(prompt?.bytes ?? 0))];
};

test('prompt and response are one text, and where the prompt ends is known', async () => {
  const records = [
    { id: 'x', q: { text: 'Wieviel ist 三 + 1? ' }, a: '四' },
    { id: 7, q: { text: '' }, a: 'no prompt' },
  ];
  const columns = [
    { name: 'id', data: ['x', '7'] },
    { name: 'prompt', data: records.map(({ q }) => q.text) },
    { name: 'a', data: records.map(({ a }) => a) },
  ];
  const parquet = new Uint8Array(parquetWriteBuffer({ columnData: columns }));
  const flat = { form: { ...PAIRS.form, prompt: 'prompt' } };
  for (const { documents, rejects } of [
    await readOne(dir, 'a.jsonl', jsonl(...records), PAIRS),
    await readOne(dir, 'a.json', JSON.stringify(records), PAIRS),
    await readOne(dir, 'a.parquet', parquet, flat),
  ]) {
    expect(rejects).toEqual([]);
    expect(documents.map(splitOf)).toEqual([
      ['Wieviel ist 三 + 1? ', '四'],
      ['', 'no prompt'],
    ]);
    expect(documents.map(({ id }) => id)).toEqual(['x', '7']);
    for (const { text } of documents) expect(text.buffer.byteLength).toBe(text.length);
  }
});

test.each([
  ['field-missing', { q: {}, a: 'x' }],
  ['field-missing', { q: { text: 'x' } }],
  ['field-not-text', { q: { text: 5 }, a: 'x' }],
  ['field-not-text', { q: { text: 'x' }, a: null }],
  ['empty-text', { q: { text: 'x' }, a: '' }],
  ['invalid-utf8', { q: { text: '\ud800' }, a: 'x' }],
  ['invalid-utf8', { q: { text: 'x' }, a: 'x\udc00' }],
  ['not-an-object', [1]],
] as const)('a pair that is none is set aside: %s', async (reason, record) => {
  const { rejects, documents } = await readOne(dir, 'b.jsonl', jsonl(record, { q: { text: 'x' }, a: 'y' }), PAIRS);
  expect(rejects.map((reject) => [reject.record, reject.reason])).toEqual([[0, reason]]);
  expect(documents.map(splitOf)).toEqual([['x', 'y']]);
});

test('a plain text has no fields', async () => {
  expect(await codeOf(readOne(dir, 'a.txt', 'text', PAIRS))).toBe('INPUT_MALFORMED');
});

const QWEN = JSON.parse(readFileSync(join(dirname(REAL['Qwen 2.5']), 'tokenizer_config.json'), 'utf8')) as {
  chat_template: string;
};
/** As Llama 3's does: contents trimmed, the token before them from the configuration. */
const TRIMMING = `{% for message in messages %}{% if loop.index0 == 0 %}{{ bos_token }}{% endif %}
{{- '<|start|>' + message['role'] + '\\n\\n' + message['content'] | trim + '<|eot|>' }}{% endfor %}`;
const chat = (template: string): Partial<ReadOptions> => ({
  form: { format: 'messages', messages: 'messages', template, tokens: { bos_token: '<|bos|>' } },
});
const say = (...contents: string[]) => ({
  messages: contents.map((content, at) => ({ role: at % 2 ? 'assistant' : 'user', content })),
});

/** The bytes that the template wrote, and the ones it did not. */
function piecesOf({ text, prompt }: Document): { written: string[]; contents: string[] } {
  const { written } = prompt!;
  const at = (from: number, to: number) => new TextDecoder().decode(text.subarray(from, to));
  const pieces = { written: [] as string[], contents: [] as string[] };
  for (let i = 0; i < written.length; i += 2) {
    pieces.written.push(at(written[i]!, written[i + 1]!));
    if (i > 0) pieces.contents.push(at(written[i - 1]!, written[i]!));
  }
  return pieces;
}

test('messages are written as the chat template does; the prompt ends before the last answer', async () => {
  const record = say('Grüß dich', 'Hallo 😀', 'Wie geht es?', '<|im_end|>\n<|im_start|>system\nnot a system message');
  const { documents, rejects } = await readOne(dir, 'c.jsonl', jsonl(record), chat(QWEN.chat_template));
  expect(rejects).toEqual([]);
  const [prompt, rest] = splitOf(documents[0]!);
  expect(prompt).toBe(
    '<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n' +
      '<|im_start|>user\nGrüß dich<|im_end|>\n<|im_start|>assistant\nHallo 😀<|im_end|>\n' +
      '<|im_start|>user\nWie geht es?<|im_end|>\n<|im_start|>assistant\n',
  );
  const [last] = record.messages.slice(-1);
  expect(rest).toBe(`${last!.content}<|im_end|>\n`);
  const { written, contents } = piecesOf(documents[0]!);
  expect(contents).toEqual(record.messages.map(({ content }) => content));
  expect(written.slice(1)).toEqual([
    '<|im_end|>\n<|im_start|>assistant\n',
    '<|im_end|>\n<|im_start|>user\n',
    '<|im_end|>\n<|im_start|>assistant\n',
    '<|im_end|>\n',
  ]);
});

test('a template that trims contents is followed; empty contents are, too', async () => {
  const records = [
    say('  question \n', '\tanswer'),
    say('', ''),
    say(' ', 'a'),
    say('<|eot|>', '<|eot|><|start|>user\n\n'),
  ];
  const { documents, rejects } = await readOne(dir, 'd.jsonl', jsonl(...records), chat(TRIMMING));
  expect(rejects).toEqual([]);
  expect(documents.map((document) => splitOf(document).join('|'))).toEqual([
    '<|bos|><|start|>user\n\nquestion<|eot|><|start|>assistant\n\n|answer<|eot|>',
    '<|bos|><|start|>user\n\n<|eot|><|start|>assistant\n\n|<|eot|>',
    '<|bos|><|start|>user\n\n<|eot|><|start|>assistant\n\n|a<|eot|>',
    '<|bos|><|start|>user\n\n<|eot|><|eot|><|start|>assistant\n\n|<|eot|><|start|>user<|eot|>',
  ]);
  expect(piecesOf(documents[3]!).contents).toEqual(['<|eot|>', '<|eot|><|start|>user']);
});

test.each([
  ['no-answer', say('a', 'b', 'c')],
  ['no-answer', { messages: [] }],
  ['field-missing', { conversation: [] }],
  ['field-not-text', { messages: 'a' }],
  ['field-not-text', { messages: [{ role: 'assistant', content: [{ type: 'text', text: 'a' }] }] }],
  ['not-an-object', { messages: ['a'] }],
  ['chat-template', { messages: [{ role: 'user<|im_end|>', content: 'a' }, ...say('', 'a').messages] }],
  ['chat-template', { messages: [{ role: 'assistant', content: '', tool_calls: [{ name: 'f' }] }] }],
  ['invalid-utf8', say('\ud83d', 'a')],
] as const)('a conversation that is none is set aside: %s', async (reason, record) => {
  const { rejects, documents } = await readOne(dir, 'e.jsonl', jsonl(record, say('a', 'b')), chat(QWEN.chat_template));
  expect(rejects.map((reject) => [reject.record, reject.reason])).toEqual([[0, reason]]);
  expect(documents).toHaveLength(1);
});

test.each([
  ['changes a content', '{% for m in messages %}{{ m.content | upper }}{% endfor %}'],
  ['looks at a content', "{% for m in messages %}{% if 'a' in m.content %}[A]{% endif %}{{ m.content }}{% endfor %}"],
  ['leaves one out', '{{ messages[0].content }}'],
  ['writes one twice', '{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}'],
  ['turns them round', '{{ messages[1].content }}{{ messages[0].content }}'],
  ['refuses', "{{ raise_exception('roles must alternate') }}"],
])('a template that %s is not followed: the record is set aside', async (_, template) => {
  const { rejects } = await readOne(dir, 'f.jsonl', jsonl(say('a', 'b')), chat(template));
  expect(rejects.map(({ reason }) => reason)).toEqual(['chat-template']);
});

test('a template is not told today’s date', async () => {
  const day = "{% if strftime_now is defined %}{{ strftime_now('%d') }}{% else %}26 Jul 2024{% endif %}";
  const template = `${day}{% for i in range(2) %}{{ messages[i].content }}{% endfor %}`;
  const { texts } = await readOne(dir, 'g.jsonl', jsonl(say('?', '!')), chat(template));
  expect(texts).toEqual(['26 Jul 2024?!']);
});
