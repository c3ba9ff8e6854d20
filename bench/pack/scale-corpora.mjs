import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { loadCorpora, mulberry32 } from '../tokenize/corpus.mjs';
import { writeCorpus } from './corpus.mjs';

const MiB = 2 ** 20;

/** What `prep pack` is measured on: each writes its files into a folder, and gives their paths and settings of the pipeline. */
export const CASES = {
  '110 MB': (folder, corpus) => mixed(folder, corpus, 110e6),
  '1 GB': (folder, corpus) => mixed(folder, corpus, 1e9),
  '10 GB': (folder, corpus) => mixed(folder, corpus, 10e9),
  '10 million lines': (folder, corpus) => lines(folder, corpus, 10_000_000),
  '1 GiB .txt': (folder, corpus) => one(join(folder, 'one.txt'), corpus, 1024 * MiB, 1),
  '1 GiB .jsonl': (folder, corpus) => one(join(folder, 'one.jsonl'), corpus, 1024 * MiB, 1),
  '2 lines of 200 MiB': (folder, corpus) => one(join(folder, 'two.jsonl'), corpus, 200 * MiB, 2),
};

async function mixed(folder, corpus, bytes) {
  const { files } = await writeCorpus(corpus, folder, bytes);
  return { files };
}

/** A record a line: nine words that follow one another in the corpus. */
async function lines(folder, corpus, count) {
  const words = (await english(corpus))
    .flatMap((text) => text.split(/\s+/))
    .filter((word) => /^[^"\\\p{C}]+$/u.test(word));
  const random = mulberry32(1);
  const path = join(folder, 'lines.jsonl');
  await written(path, function* () {
    for (let done = 0; done < count; done += 1000) {
      let some = '';
      for (let i = 0; i < 1000; i++) {
        const from = Math.floor(random() * (words.length - 9));
        some += `{"text":"${words.slice(from, from + 9).join(' ')}"}\n`;
      }
      yield some;
    }
  });
  return { files: [path] };
}

/** Documents of so many bytes each, of paragraphs of the corpus in another order. */
async function one(path, corpus, bytes, count) {
  const paragraphs = (await english(corpus)).flatMap((text) => text.split('\n')).filter(Boolean);
  const random = mulberry32(2);
  const json = path.endsWith('.jsonl');
  await written(path, function* () {
    for (let document = 0; document < count; document++) {
      if (json) yield '{"text":"';
      for (let done = 0; done < bytes;) {
        const text = `${paragraphs[Math.floor(random() * paragraphs.length)]}\n`;
        done += Buffer.byteLength(text);
        yield json ? JSON.stringify(text).slice(1, -1) : text;
      }
      if (json) yield '"}\n';
    }
  });
  // More than the default, which two of 200 MiB are within.
  return { files: [path], limits: bytes > 256 * MiB ? { document_bytes: '2GiB' } : {} };
}

async function english(corpus) {
  const { corpora } = await loadCorpora(corpus);
  return corpora[0].documents.map((document) => document.toString().toWellFormed());
}

async function written(path, pieces) {
  const out = createWriteStream(path);
  for (const piece of pieces()) if (!out.write(piece)) await once(out, 'drain');
  out.end();
  await once(out, 'finish');
}
