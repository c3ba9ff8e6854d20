import { openForRead } from '../io/files.ts';

/** Remembers the results for the last few keys: a trainer jumps between shards in training order. A failure is not kept. */
export function lastUsed<K, T>(make: (key: K) => Promise<T>, keep: number): (key: K) => Promise<T> {
  const known = new Map<K, Promise<T>>();
  return (key) => {
    const value = known.get(key) ?? make(key);
    known.delete(key);
    known.set(key, value);
    value.catch(() => void (known.get(key) === value && known.delete(key)));
    for (const oldest of known.keys()) {
      if (known.size <= keep) break;
      known.delete(oldest);
    }
    return value;
  };
}

/** Reads of many files with few of them open: the last `keep`, and those being read (a process may have no more than 256). */
export function lastOpen(keep: number) {
  let most = keep;
  const open = new Map<string, { handle: ReturnType<typeof openForRead>; readers: number }>();
  const closeIdle = async (): Promise<void> => {
    for (const [path, { handle, readers }] of open) {
      if (open.size <= most) break;
      if (readers > 0) continue;
      open.delete(path);
      await (await handle).close();
    }
  };
  return {
    async read(path: string, position: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
      const entry = open.get(path) ?? { handle: openForRead(path), readers: 0 };
      open.delete(path);
      open.set(path, entry);
      entry.readers++;
      try {
        return await (await entry.handle).read(position, length);
      } catch (error) {
        // One that could not be opened is not kept; one that could is closed with the rest.
        await entry.handle.catch(() => void (open.get(path) === entry && open.delete(path)));
        throw error;
      } finally {
        entry.readers--;
        await closeIdle();
      }
    },
    close(): Promise<void> {
      most = 0; // What is being read now is closed by its reader.
      return closeIdle();
    },
  };
}
