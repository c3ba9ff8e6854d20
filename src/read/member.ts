/** No offset. */
export const NEVER = -1;

const encoder = new TextEncoder();

/** A wanted member: where its value is, as `memberAt` finds it. */
export class Member {
  /** The name as it stands, which is the record's own member. */
  private readonly name: Uint8Array;
  /** The names between dots; none where the name has no dots. */
  private readonly path: readonly Uint8Array[];
  private plain = NEVER;
  private deep = NEVER;
  /** The objects open now of which the first `inside` are those of the path. */
  private inside = 0;
  /** Where the next object of the path may begin. */
  private into = NEVER;

  constructor(name: string) {
    this.name = encoder.encode(name);
    this.path = name.includes('.') ? name.split('.').map((part) => encoder.encode(part)) : [];
  }

  reset(): void {
    this.plain = NEVER;
    this.deep = NEVER;
    this.inside = 0;
    this.into = NEVER;
  }

  /** Offset of the value, -1 without one. */
  get at(): number {
    return this.plain === NEVER ? this.deep : this.plain;
  }

  /** Whether the value at `at` is one that may be the member's. */
  wants(at: number): boolean {
    return this.plain === at || this.deep === at;
  }

  /** A name was passed, in an object at a depth from 1, and its value is at `value`. */
  named(bytes: Uint8Array, from: number, to: number, depth: number, value: number): void {
    if (depth === 1 && same(this.name, bytes, from, to)) this.plain = value;
    const { path } = this;
    if (depth !== this.inside || depth > path.length || !same(path[depth - 1]!, bytes, from, to)) return;
    // The last of one name counts: what one before it held is gone.
    this.deep = depth === path.length ? value : NEVER;
    this.into = depth === path.length ? NEVER : value;
  }

  /** An object begins, the `depth`th of those open. */
  enter(at: number, depth: number): void {
    if (depth === 1 || this.into === at) this.inside = depth;
  }

  /** An object or an array ended; `depth` are open. */
  leave(depth: number): void {
    if (this.inside > depth) this.inside = depth;
  }
}

function same(name: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from !== name.length) return false;
  for (let at = 0; at < name.length; at++) if (bytes[from + at] !== name[at]) return false;
  return true;
}
