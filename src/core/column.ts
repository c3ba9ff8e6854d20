import { resized, roomFor } from './growing.ts';

type Values = Int32Array<ArrayBuffer> | Float64Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>;
type Value<T extends Values> = T extends BigInt64Array ? bigint : number;

const LEAST = 64;

/** Numbers that are put one after the other. As long as all of them are one number, which most columns of a split are, they take no memory. */
export class Column<T extends Values> {
  readonly #kind: new (length: number) => T;
  #values: T | undefined;
  #same: Value<T> | undefined;
  length = 0;

  constructor(kind: new (length: number) => T) {
    this.#kind = kind;
  }

  push(value: Value<T>): void {
    const i = this.length++;
    if (this.#values === undefined) {
      if (i === 0) this.#same = value;
      if (value === this.#same) return;
      this.#values = new this.#kind(roomFor(LEAST, this.length));
      (this.#values as Int32Array).fill(this.#same as number, 0, i);
    } else if (i === this.#values.length) this.#values = resized(this.#values, roomFor(i, i + 1));
    (this.#values as Int32Array)[i] = value as number;
  }

  at(i: number): Value<T> {
    return (this.#values === undefined ? this.#same : this.#values[i]) as Value<T>;
  }

  /** The number that all of them are; undefined where they differ, or where there are none. */
  get same(): Value<T> | undefined {
    return this.#values === undefined ? this.#same : undefined;
  }

  /** All of them; a view as long as nothing is put after them. */
  values(): T {
    if (this.#values !== undefined) return this.#values.subarray(0, this.length) as T;
    const all = new this.#kind(this.length);
    if (this.length > 0) (all as Int32Array).fill(this.#same as number);
    return all;
  }
}
