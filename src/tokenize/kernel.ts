import { Slab } from '../core/slab.ts';
import { IMAGE_START, type Image, LAYOUT, MOST_SEEDS } from './image.ts';
import { KERNEL } from './kernel/kernel.generated.ts';
import { MOST_PROBES } from './pairs.ts';
import { madeUpText } from './warm-up.ts';

interface Exports {
  configure(at: number): void;
  encode(at: number, length: number, out: number, whole: number): number;
  readonly taken: WebAssembly.Global;
  isPlain(at: number, end: number, what: number): number;
  forget(): void;
  findSeeds(count: number, most: number, out: number): number;
  indexVocabulary(count: number, probes: number): number;
  scanWords(at: number, length: number, out: number): number;
}

/** Words the cache holds, 32 bytes each: 8 MiB. Four times as many gained 3 % on 28 MB of English and cost page faults. */
const WORDS = 2 ** 18;
const LONG_WORDS = 2 ** 16;
const ARENA_BYTES = 8 * 1024 * 1024;
/**
 * Text taken at once; grown for a single word that is longer. Twice as much, with its 37 bytes of room for a byte, brought the
 * memory to where V8 collects its young arrays: 2 to 6 ms in the middle of the first texts.
 */
const CHUNK = 128 * 1024;
/** `ends` of a batch of words (kernel/index.as.ts), with room to spare. */
const ENDS_BYTES = 4 * 1024;
/** Made-up text, [bytes], that the kernel is warmed up with, and how often: V8 compiles it for speed after about 400 KB. */
const WARM_UP_BYTES = 2 ** 14;
const WARM_UPS = 24;
const PAGE = 65536;
/** Added tokens, by their first 8 bytes, that the kernel looks for one after the other. */
const MOST_PREFIXES = 64;
/** So many first bytes that no text counts as plain. */
const ALWAYS = 256;
/** What `isPlain` looks for (kernel/survey.as.ts). */
const LITERALS = 1;
const NFC = 2;

/** Longest word there can be room for: 0.6 GiB. No text that people wrote comes near. */
export const MAX_WORD_BYTES = 16 * 1024 * 1024;

/** Thrown for a text with a longer word, or one that is taken as a single piece and is too long for it. */
export class WordTooLong extends Error {
  static at(offset: number): WordTooLong {
    return new WordTooLong(
      `a word of more than ${MAX_WORD_BYTES / 2 ** 20} MiB at or after byte ${offset} of the text`,
    );
  }
}

let compiled: WebAssembly.Module | undefined;

/** One kernel with its memory: model, caches, and room for a chunk of text. For one thread. */
export class Kernel {
  readonly #exports: Exports;
  readonly #memory: WebAssembly.Memory;
  readonly #layout: Record<string, number>;
  #bytes: Uint8Array;
  #ids: Int32Array<ArrayBuffer>;
  readonly #made = new Slab((length) => new Int32Array(length));
  #chunk = 0;
  #text = 0;
  #out = 0;
  #settings = 0;
  /** Where the room for text begins: it is laid out again when it has to grow. */
  #roomAt: number;

  /** `literals`: UTF-8 of the added tokens that `encodePlain` looks for. */
  constructor(image: Image, literals: readonly Uint8Array[] = []) {
    compiled ??= new WebAssembly.Module(Buffer.from(KERNEL, 'base64'));
    let end = IMAGE_START + image.bytes.length;
    const place = (bytes: number): number => {
      const at = end;
      end = (end + bytes + 63) & ~63;
      return at;
    };
    const firsts = [...new Set(literals.map(([first]) => first!))];
    const prefixes = prefixesOf(literals);
    this.#layout = {
      ...image.layout,
      firsts: place(firsts.length),
      // With many of them every text is looked through by LiteralFinder, which takes any number in its stride.
      firstsCount: prefixes.length / 2 > MOST_PREFIXES ? ALWAYS : firsts.length,
      prefixes: place(prefixes.byteLength),
      prefixesCount: prefixes.length / 2,
      words: place(WORDS * 32),
      wordMask: WORDS - 1,
      longWords: place(LONG_WORDS * 4),
      longMask: LONG_WORDS - 1,
      arena: place(ARENA_BYTES),
      arenaSize: ARENA_BYTES,
      ends: place(ENDS_BYTES),
    };
    this.#settings = place(LAYOUT.length * 4);
    this.#roomAt = end;
    this.#memory = new WebAssembly.Memory({ initial: Math.ceil(end / PAGE), maximum: 65536 });
    const abort = () => {
      throw new Error('the tokenizer kernel aborted');
    };
    this.#exports = new WebAssembly.Instance(compiled, { env: { memory: this.#memory, abort } })
      .exports as unknown as Exports;
    const bytes = new Uint8Array(this.#memory.buffer);
    bytes.set(image.bytes, IMAGE_START);
    bytes.set(firsts, this.#layout.firsts);
    bytes.set(new Uint8Array(prefixes.buffer), this.#layout.prefixes);
    this.#bytes = new Uint8Array(0);
    this.#ids = new Int32Array(0);
    this.#makeRoom(CHUNK);
  }

  /**
   * Before the first text comes, and only then (ids given out before would be overwritten): fills the word cache with its
   * seeds, which touches its memory, and has the kernel compiled for speed. 15 ms of a thread and 5 of V8's own, which would
   * otherwise be taken from the first texts.
   */
  warmUp(): this {
    this.forget();
    const text = madeUpText(WARM_UP_BYTES);
    for (let i = 0; i < WARM_UPS; i++) this.encodePlain(text, true);
    this.forget();
    this.#made.begin();
    return this;
  }

  /** Ids of a text, [tokens]; valid UTF-8. */
  encode(text: Uint8Array): Int32Array {
    return this.#encode(text, 0)!;
  }

  /** The same, or undefined when the text has to be prepared first: an added token may be in it, or NFC may change it. */
  encodePlain(text: Uint8Array, nfc: boolean): Int32Array | undefined {
    return this.#encode(text, LITERALS | (nfc ? NFC : 0));
  }

  /** `unlike`: what the text may not have. */
  #encode(text: Uint8Array, unlike: number): Int32Array | undefined {
    const { encode, isPlain } = this.#exports;
    const runs: Int32Array[] = [];
    for (let at = 0; at < text.length;) {
      const end = Math.min(text.length, at + this.#chunk);
      this.#bytes.set(end - at === text.length ? text : text.subarray(at, end), this.#text);
      if (unlike !== 0 && isPlain(this.#text, this.#text + end - at, unlike) === 0) return undefined;
      const count = encode(this.#text, end - at, this.#out, end === text.length ? 1 : 0);
      const taken = this.#exports.taken.value;
      // A word longer than the room there is: make more and try again.
      if (taken === 0) this.#grow(at);
      else runs.push(this.#made.copy(this.#ids, this.#out / 4, this.#out / 4 + count));
      at += taken;
    }
    return runs.length === 1 ? runs[0]! : concatIds(runs, (length) => this.#made.take(length));
  }

  /** Nobody looks at the ids of the texts so far: those that come lie in the same memory. */
  reuse(): void {
    this.#made.reuse();
  }

  /**
   * Ids of a text that goes on, and how many of its bytes they are of: the last words, which more text could change, are
   * left over. Nothing may be taken of a text that is one long word.
   */
  encodeOpen(text: Uint8Array): { ids: Int32Array; taken: number } {
    for (;;) {
      const part = text.subarray(0, this.#chunk);
      this.#bytes.set(part, this.#text);
      const count = this.#exports.encode(this.#text, part.length, this.#out, 0);
      const taken = this.#exports.taken.value;
      if (taken > 0 || part.length === text.length)
        return { ids: this.#ids.slice(this.#out / 4, this.#out / 4 + count), taken };
      this.#grow(0);
    }
  }

  /** Whether NFC leaves the text as it is. */
  isNormalized(text: Uint8Array): boolean {
    // A character may be cut between two pieces: they overlap by the longest.
    for (let at = 0; at < text.length; at += this.#chunk - 4) {
      const end = Math.min(text.length, at + this.#chunk);
      this.#bytes.set(text.subarray(at, end), this.#text);
      if (this.#exports.isPlain(this.#text, this.#text + end - at, NFC) === 0) return false;
    }
    return true;
  }

  /** Forgets all words: the next text is a first one again, for measuring. */
  forget(): void {
    this.#exports.forget();
  }

  /** Ends of the words of a text of at most a chunk, for tests. */
  words(text: Uint8Array): Int32Array {
    this.#bytes.set(text, this.#text);
    const count = this.#exports.scanWords(this.#text, text.length, this.#out);
    return this.#ids.slice(this.#out / 4, this.#out / 4 + count);
  }

  /** Room for a word that is longer than there was, at `offset` of the text. */
  #grow(offset: number): void {
    if (this.#chunk >= MAX_WORD_BYTES) throw WordTooLong.at(offset);
    this.#makeRoom(this.#chunk * 2);
  }

  /** Room for `chunk` bytes of text, as many ids, and 32 bytes a part for merging a single word of that length. */
  #makeRoom(chunk: number): void {
    let end = this.#roomAt;
    const place = (bytes: number): number => {
      const at = end;
      end = (end + bytes + 63) & ~63;
      return at;
    };
    const text = place(chunk + 64);
    const out = place(chunk * 4 + 64);
    const scratch = place(chunk * 32 + 256);
    const missing = Math.ceil((end - this.#memory.buffer.byteLength) / PAGE);
    // Throws where there is no memory: until here nothing has changed.
    if (missing > 0) this.#memory.grow(missing);
    this.#chunk = chunk;
    this.#text = text;
    this.#out = out;
    this.#layout.scratch = scratch;
    this.#bytes = new Uint8Array(this.#memory.buffer);
    this.#ids = new Int32Array(this.#memory.buffer);
    LAYOUT.forEach((name, i) => (this.#ids[this.#settings / 4 + i] = this.#layout[name]!));
    this.#exports.configure(this.#settings);
  }

  /**
   * A whole image, from one that lacks what the kernel itself finds out: the words it begins with, and the table of whole
   * words. Once a tokenizer file. Undefined where that table's hash is no good for the vocabulary.
   */
  static complete(image: Image, size: number): Image | undefined {
    const kernel = new Kernel(image);
    const { findSeeds, indexVocabulary } = kernel.#exports;
    if (image.layout.ignoreMerges && indexVocabulary(size, MOST_PROBES) === 0) return undefined;
    const layout = { ...image.layout, seedsCount: findSeeds(size, MOST_SEEDS, kernel.#out) };
    image.bytes.set(kernel.#bytes.subarray(IMAGE_START, IMAGE_START + image.bytes.length));
    return { bytes: image.bytes, layout };
  }
}

/** Mask and value of the first 8 bytes of each literal, without repeats; what a shorter one has no byte for is masked out. */
function prefixesOf(literals: readonly Uint8Array[]): BigUint64Array<ArrayBuffer> {
  const known = new Map<string, [bigint, bigint]>();
  for (const literal of literals) {
    const bytes = Buffer.alloc(8);
    bytes.set(literal.subarray(0, 8));
    const mask = Buffer.alloc(8).fill(0xff, 0, Math.min(8, literal.length));
    known.set(`${literal.length < 8 ? literal.length : 8} ${bytes.toString('hex')}`, [
      mask.readBigUInt64LE(),
      bytes.readBigUInt64LE(),
    ]);
  }
  return new BigUint64Array([...known.values()].flat());
}

/** Runs of ids as one. */
export function concatIds(
  runs: readonly Int32Array[],
  room = (length: number): Int32Array => new Int32Array(length),
): Int32Array {
  const ids = room(runs.reduce((sum, run) => sum + run.length, 0));
  let at = 0;
  for (const run of runs) {
    ids.set(run, at);
    at += run.length;
  }
  return ids;
}
