/** A source of chunks that is asked by hand: counts what it gave, and closes the source when it is left early. */
export class Pull {
  /** Bytes given so far. */
  bytes = 0;
  private readonly source: AsyncIterator<Uint8Array>;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.source = source[Symbol.asyncIterator]();
  }

  /** The next chunk, never an empty one; null at the end. */
  async next(): Promise<Uint8Array | null> {
    for (;;) {
      const { done, value } = await this.source.next();
      if (done === true) return null;
      this.bytes += value.length;
      if (value.length > 0) return value;
    }
  }

  async close(): Promise<void> {
    await this.source.return?.();
  }
}
