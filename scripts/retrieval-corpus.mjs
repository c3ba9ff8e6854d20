#!/usr/bin/env node
/**
 * Documents of a key-value task, and a tokenizer for them: what a model of 0.2 M parameters can learn in minutes.
 *
 *   node scripts/retrieval-corpus.mjs DIR [--documents 60000] [--pairs 2-8] [--filler 0-24] [--seed 1]
 *
 * A record is {"prompt": "4aK71bX?b", "response": "X"}: pairs of a small and a capital letter among digits, and a question
 * (src/train/eval/retrieval-task.ts, which `train eval --retrieval` asks with, too). In tokenizer.json each byte is a
 * token, and each pair; the same arguments give the same bytes. Needs `npm run build`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { drawsOf } from '../dist/train/eval/draws.js';
import { ALPHABET, questionOf } from '../dist/train/eval/retrieval-task.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    documents: { type: 'string', default: '60000' },
    pairs: { type: 'string', default: '2-8' },
    filler: { type: 'string', default: '0-24' },
    seed: { type: 'string', default: '1' },
  },
});
const [dir] = positionals;
if (dir === undefined) throw new Error('usage: retrieval-corpus.mjs DIR');
const range = (text) => {
  const [least, most] = text.split('-').map(Number);
  return { least, size: (most ?? least) - least + 1 };
};

/** Uniform over the ranges; no draw that an evaluation makes, whose lengths are above 0. */
function* records(documents, pairs, filler, seed) {
  for (let number = 0; number < documents; number++) {
    const draws = drawsOf(seed, 0, number);
    const count = (of) => of.least + draws.below(of.size);
    const { prompt, answer } = questionOf(count(pairs), count(filler), draws.below(1001) / 1000, draws);
    yield `${JSON.stringify({ prompt: prompt.join(''), response: answer })}\n`;
  }
}

/** Byte-level BPE whose only merges are those of a key with a value. */
function tokenizer() {
  // GPT-2's characters for bytes: printable ones stand for themselves, the others are moved behind 255.
  const printable = (byte) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let moved = 256;
  const bytes = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : moved++));
  const merges = [...ALPHABET.keys].flatMap((key) => [...ALPHABET.values].map((value) => [key, value]));
  const tokens = [...bytes, ...merges.map((pair) => pair.join(''))];
  const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  const special = ['<|mask|>', '<|eos|>'].map((content, i) => ({
    id: tokens.length + i,
    content,
    special: true,
    ...plain,
  }));
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  return {
    version: '1.0',
    added_tokens: special,
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: { type: 'BPE', unk_token: null, byte_fallback: false, ignore_merges: false, vocab, merges },
  };
}

mkdirSync(dir, { recursive: true });
const lines = [...records(Number(values.documents), range(values.pairs), range(values.filler), Number(values.seed))];
writeFileSync(join(dir, 'documents.jsonl'), lines.join(''));
writeFileSync(join(dir, 'tokenizer.json'), `${JSON.stringify(tokenizer())}\n`);
