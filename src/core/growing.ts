type Growing = (Int32Array | Float64Array | Uint8Array | BigInt64Array) & { readonly buffer: ArrayBuffer };

/** Values above which a copy is a quarter larger and not twice: of what doubles, a third is room that is never used, on average. */
const MANY = 256 * 1024;

/** Room for `length` values, given that there is some for `room`: n appends one by one copy at most 5n values. */
export const roomFor = (room: number, length: number): number =>
  length <= room ? room : Math.max(length, Math.ceil(room * (room < MANY ? 2 : 1.25)));

/** The array itself where it has room for `length` values, else a larger copy. */
export const grown = <T extends Growing>(array: T, length: number): T => resized(array, roomFor(array.length, length));

/** A copy with room for `room` values, and the array itself where it has that. */
export function resized<T extends Growing>(array: T, room: number): T {
  if (room === array.length) return array;
  const larger = new (array.constructor as new (length: number) => T)(room);
  (larger as Int32Array).set(array as Int32Array);
  return larger;
}
