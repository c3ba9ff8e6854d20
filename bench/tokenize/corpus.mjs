import { createReadStream, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { repository } from './options.mjs';

/** Corpora: `{ name, documents }`, a document is its UTF-8, and where they are from, in words. */
export async function loadCorpora(folder) {
  const beside = join(repository, '../shared/corpus');
  const chosen = folder ?? process.env.ULTRAPREP_CORPUS ?? (existsSync(beside) ? beside : undefined);
  if (chosen === undefined)
    return { source: 'samples (no corpus found: small, not comparable)', corpora: await samples() };
  const files = readdirSync(chosen).filter((name) => /\.jsonl(\.gz)?$/.test(name));
  if (files.length === 0) throw new Error(`no .jsonl or .jsonl.gz file in ${chosen}`);
  const order = ['en', 'code', 'zh'];
  const rank = (name) => (order.indexOf(name) + order.length + 1) % (order.length + 1);
  const corpora = [];
  for (const file of files) {
    const documents = await readDocuments(join(chosen, file));
    if (documents.length > 0) corpora.push({ name: file.replace(/\.jsonl(\.gz)?$/, ''), documents });
  }
  corpora.sort((a, b) => rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1));
  const source = chosen === beside ? '../shared/corpus' : folder === undefined ? '$ULTRAPREP_CORPUS' : '--corpus';
  return { source, corpora };
}

/** Text fields of a JSON Lines file, as UTF-8; empty ones are left out. */
async function readDocuments(path) {
  const file = createReadStream(path);
  const lines = createInterface({
    input: path.endsWith('.gz') ? file.pipe(createGunzip()) : file,
    crlfDelay: Infinity,
  });
  const documents = [];
  for await (const line of lines) {
    if (line.trim() === '') continue;
    const { text } = JSON.parse(line);
    if (typeof text === 'string' && text !== '') documents.push(Buffer.from(text.toWellFormed()));
  }
  return documents;
}

async function samples() {
  const folder = join(repository, 'samples/corpus');
  const novels = readdirSync(join(folder, 'novels')).map((name) => readFileSync(join(folder, 'novels', name)));
  const chapters = await readDocuments(join(folder, 'chapters.jsonl'));
  const definitions = await readDocuments(join(folder, 'definitions.jsonl.gz'));
  return [{ name: 'samples', documents: [...novels, ...chapters, ...definitions] }];
}

export const bytesOf = (documents) => documents.reduce((sum, { length }) => sum + length, 0);

/** Indices of a seeded sample of whole documents of at most `limit` bytes together, in corpus order. */
export function sampleOf(documents, limit) {
  if (bytesOf(documents) <= limit) return documents.map((_, i) => i);
  const random = mulberry32(1);
  const order = documents.map((_, i) => [random(), i]).sort((a, b) => a[0] - b[0]);
  const sample = [];
  let bytes = 0;
  for (const [, i] of order) {
    if (bytes + documents[i].length > limit) continue;
    bytes += documents[i].length;
    sample.push(i);
  }
  if (sample.length === 0) sample.push(order[0][1]);
  return sample.sort((a, b) => a - b);
}

export function mulberry32(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Documents as a file for the child processes: u32 count, u32 lengths, texts. */
export function writeDocuments(path, documents) {
  const head = Buffer.alloc(4 + 4 * documents.length);
  head.writeUInt32LE(documents.length);
  documents.forEach(({ length }, i) => head.writeUInt32LE(length, 4 + 4 * i));
  writeFileSync(path, Buffer.concat([head, ...documents]));
}

/** The texts of such a file, back to back in shared memory, and where each ends. */
export function readPacked(path) {
  const file = readFileSync(path);
  const count = file.readUInt32LE(0);
  const ends = new Uint32Array(new SharedArrayBuffer(4 * count));
  let end = 0;
  for (let i = 0; i < count; i++) ends[i] = end += file.readUInt32LE(4 + 4 * i);
  const text = new Uint8Array(new SharedArrayBuffer(end));
  text.set(file.subarray(4 + 4 * count));
  return { text, ends };
}

/** Document `i` of them, without a copy. */
export const documentAt = ({ text, ends }, i) => text.subarray(i === 0 ? 0 : ends[i - 1], ends[i]);
