/** Power losses over a recorded run: at any operation, with any part of what is not durable. */
import { Disk, type Image } from './disk.ts';
import type { Draws } from './harness.ts';
import type { Operation } from './trace.ts';

export interface Loss {
  /** What had been done by then. */
  readonly done: readonly Operation[];
  readonly image: Image;
  /** Says which one it is. */
  readonly name: string;
}

/** Chances that a thing which is not durable stays. Both ends are disks there are: all names and no bytes is a common one. */
const CHANCES = [0, 0.5, 1];

/** `schedules` losses, spread over the run. */
export function* lossesOf(operations: readonly Operation[], schedules: number, { draw }: Draws): Generator<Loss> {
  const disk = new Disk();
  let drawn = 0;
  for (const [i, operation] of operations.entries()) {
    disk.apply(operation);
    for (; drawn < Math.round(((i + 1) * schedules) / operations.length); drawn++) {
      const chance = () => CHANCES[Math.floor(draw() * CHANCES.length)]!;
      const [names, bytes] = [chance(), chance()];
      yield {
        done: operations.slice(0, i + 1),
        image: disk.powerLost(
          () => draw() < names,
          () => draw() < bytes,
        ),
        name: `after ${i + 1} operations, the last ${operation.op} ${operation.path}: names ${names}, bytes ${bytes}`,
      };
    }
  }
}

/** What a kill leaves after each operation. */
export function* killsOf(operations: readonly Operation[]): Generator<Loss> {
  const disk = new Disk();
  for (const [i, operation] of operations.entries()) {
    disk.apply(operation);
    const name = `killed after ${i + 1} operations, the last ${operation.op} ${operation.path}`;
    yield { done: operations.slice(0, i + 1), image: disk.killed(), name };
  }
}
