/** Largest distance a frame may look back, which the decoder keeps in memory: what `zstd -d` takes without being asked. */
export const LARGEST_WINDOW = 128 * 1024 * 1024;

const MAGIC = 0xfd2fb528;
/** The first of sixteen magic numbers of frames to be passed over. */
const SKIPPABLE = 0x184d2a50;
const RLE = 1;
const RESERVED = 3;
/** Bytes of the dictionary's id and of the content's size, by their flags. */
const DICTIONARY_BYTES = [0, 1, 2, 4] as const;
const SIZE_BYTES = [0, 2, 4, 8] as const;

/** What comes next in a frame. */
type Place = 'magic' | 'descriptor' | 'header' | 'block' | 'body' | 'skip-size' | 'skip' | 'checksum' | 'end';

/** Thrown for a frame whose window is too large. */
export class ZstdWindowError extends Error {}

/**
 * Finds where a Zstandard frame ends (RFC 8878), by its headers alone: a decoder is then handed one frame whole, and that
 * a file is cut, or goes on, is known here. Node's own zlib stops in silence after the first frame (22.23, 24.21).
 */
export class ZstdFrame {
  private place: Place = 'magic';
  /** Bytes of a field that is not whole yet, and how many it has. */
  private field: number[] = [];
  private wanted = 4;
  /** Bytes to pass over. */
  private left = 0;
  private last = false;
  private hasChecksum = false;
  private descriptor = 0;

  get ended(): boolean {
    return this.place === 'end';
  }

  /** Goes through the bytes of a chunk from `at`; returns where the frame ends in it, or the chunk does. */
  walk(chunk: Uint8Array, at: number): number {
    while (at < chunk.length && this.place !== 'end') {
      if (this.place === 'body' || this.place === 'skip') {
        const passed = Math.min(this.left, chunk.length - at);
        at += passed;
        this.left -= passed;
        if (this.left === 0) this.passed();
        continue;
      }
      this.field.push(chunk[at++]!);
      if (this.field.length === this.wanted) this.take(this.field);
    }
    return at;
  }

  private expect(place: Place, wanted: number): void {
    this.place = place;
    this.wanted = wanted;
    this.field = [];
  }

  private passed(): void {
    if (this.place === 'body' && !this.last) this.expect('block', 3);
    else if (this.place === 'body' && this.hasChecksum) this.expect('checksum', 4);
    else this.place = 'end';
  }

  private take(field: readonly number[]): void {
    switch (this.place) {
      case 'magic': {
        const magic = number(field);
        if ((magic & ~0xf) >>> 0 === SKIPPABLE) return this.expect('skip-size', 4);
        if (magic !== MAGIC) throw new Error('no frame begins here');
        return this.expect('descriptor', 1);
      }
      case 'skip-size':
        return this.pass('skip', number(field));
      case 'descriptor': {
        this.descriptor = field[0]!;
        if ((this.descriptor & 8) !== 0) throw new Error('a reserved bit is set');
        this.hasChecksum = (this.descriptor & 4) !== 0;
        const [window, dictionary, size] = this.parts();
        return this.expect('header', window + dictionary + size);
      }
      case 'header':
        this.checkHeader(field);
        return this.expect('block', 3);
      case 'block': {
        const header = number(field);
        this.last = (header & 1) === 1;
        const type = (header >> 1) & 3;
        if (type === RESERVED) throw new Error('a block of a reserved type');
        return this.pass('body', type === RLE ? 1 : header >> 3);
      }
      default:
        this.place = 'end'; // after the checksum, which the decoder compares
    }
  }

  private pass(place: 'skip' | 'body', bytes: number): void {
    this.place = place;
    this.left = bytes;
    if (bytes === 0) this.passed();
  }

  /** Bytes of the window's descriptor, the dictionary's id and the content's size. */
  private parts(): [window: number, dictionary: number, size: number] {
    const single = (this.descriptor & 0x20) !== 0;
    const size = SIZE_BYTES[(this.descriptor >> 6) as 0 | 1 | 2 | 3];
    return [single ? 0 : 1, DICTIONARY_BYTES[(this.descriptor & 3) as 0 | 1 | 2 | 3], size === 0 && single ? 1 : size];
  }

  private checkHeader(field: readonly number[]): void {
    const [hasWindow, dictionary] = this.parts();
    if (number(field.slice(hasWindow, hasWindow + dictionary)) !== 0)
      throw new Error('it needs a dictionary, which is not here');
    // In a single segment the content is the window.
    const content = field.slice(hasWindow + dictionary);
    const window = hasWindow === 1 ? windowOf(field[0]!) : number(content) + (content.length === 2 ? 256 : 0);
    if (window > LARGEST_WINDOW) throw new ZstdWindowError(`a window of ${window} bytes`);
  }
}

const windowOf = (descriptor: number): number => 2 ** (10 + (descriptor >> 3)) * (1 + (descriptor & 7) / 8);

/** Little-endian; 0 of no bytes. */
const number = (field: readonly number[]): number => field.reduceRight((sum, byte) => sum * 256 + byte, 0);
