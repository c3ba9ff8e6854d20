import { messageOf } from '../core/errors.ts';

/** One damaged shard can break every window in it; more than this many problems help nobody. */
const MAX_PROBLEMS = 100;

export function addUpTo(problems: string[], problem: string): void {
  if (problems.length < MAX_PROBLEMS) problems.push(problem);
}

/** Behind a right checksum there may still be a forgery that no decoder can take: then undefined, and a note of it. */
export async function attempt<T>(
  path: string,
  note: (problem: string) => void,
  look: () => T | Promise<T>,
): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    note(`${path}: ${messageOf(error)}`);
    return undefined;
  }
}
