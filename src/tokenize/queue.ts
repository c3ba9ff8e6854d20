/** Bytes that are added at the end and dropped from the beginning, each at a cost that does not grow with what is held. */
export class Queue {
  #room = new Uint8Array(0);
  #start = 0;
  #end = 0;

  /** What is held; a view, good until the next change. */
  get bytes(): Uint8Array {
    return this.#room.subarray(this.#start, this.#end);
  }

  append(more: Uint8Array): void {
    if (this.#end + more.length > this.#room.length) {
      const held = this.bytes;
      const needed = held.length + more.length;
      // Half of the room is free then: as much is added before anything is moved again.
      if (2 * needed > this.#room.length) this.#room = new Uint8Array(2 * needed);
      this.#room.set(held);
      this.#start = 0;
      this.#end = held.length;
    }
    this.#room.set(more, this.#end);
    this.#end += more.length;
  }

  drop(count: number): void {
    this.#start += count;
  }
}
