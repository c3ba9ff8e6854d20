/** Thrown where more bits are asked for than there are. */
export class EndOfBits extends Error {}

/** Bits of bytes in memory, the highest of a byte first. */
export class BitReader {
  /** The bits that come next, `held` of them, at the low end. */
  private window = 0;
  private held = 0;
  private bytes: Uint8Array = new Uint8Array(0);
  private at = 0;

  /** Whole bytes that are not read yet. */
  get left(): number {
    return this.bytes.length - this.at + (this.held >> 3);
  }

  append(chunks: readonly Uint8Array[]): void {
    this.bytes = Buffer.concat([this.bytes.subarray(this.at), ...chunks]);
    this.at = 0;
  }

  /** The next `count` bits, 24 at the most. */
  read(count: number): number {
    const value = this.peek(count);
    this.skip(count);
    return value;
  }

  /** The same without going on; zeros stand for what lies behind the end. */
  peek(count: number): number {
    while (this.held < count) {
      this.window = ((this.window << 8) | (this.bytes[this.at] ?? 0)) & 0x7fffffff;
      this.at += 1;
      this.held += 8;
    }
    return (this.window >>> (this.held - count)) & ((1 << count) - 1);
  }

  /** Goes on by bits that were looked at. */
  skip(count: number): void {
    this.held -= count;
    // Bytes behind the end were made up: they may be looked at, not passed.
    if (this.at - (this.held >> 3) > this.bytes.length) throw new EndOfBits('the bits end');
  }

  /** Passes the rest of a byte. */
  align(): void {
    this.held -= this.held & 7;
  }
}
