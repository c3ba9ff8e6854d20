import { createWriteStream, statSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { bytesOf, loadCorpora, mulberry32 } from '../tokenize/corpus.mjs';

/**
 * The corpus as raw .jsonl files in `folder`, one a language; with `bytes`, about so much text instead, made of it: each document
 * is one of its documents with the paragraphs in another order, so that lengths and words are real and no two alike.
 */
export async function writeCorpus(dir, folder, bytes) {
  const { source, corpora } = await loadCorpora(dir);
  const all = corpora.reduce((sum, { documents }) => sum + bytesOf(documents), 0);
  const files = [];
  for (const { name, documents } of corpora) {
    const path = join(folder, `${name}.jsonl`);
    const out = createWriteStream(path);
    const size = bytesOf(documents);
    const wanted = bytes === undefined ? size : (bytes * size) / all;
    const random = mulberry32(name.length);
    for (let written = 0, i = 0; written < wanted; i++) {
      const text = documents[i % documents.length].toString();
      const made = i < documents.length ? text : shuffled(text, random);
      written += documents[i % documents.length].length;
      if (!out.write(`${JSON.stringify({ id: `${name}-${i}`, text: made })}\n`)) await once(out, 'drain');
    }
    out.end();
    await once(out, 'finish');
    files.push(path);
  }
  return { source, files, bytes: files.reduce((sum, path) => sum + statSync(path).size, 0) };
}

function shuffled(text, random) {
  const paragraphs = text.split('\n');
  for (let i = paragraphs.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [paragraphs[i], paragraphs[j]] = [paragraphs[j], paragraphs[i]];
  }
  return paragraphs.join('\n');
}
