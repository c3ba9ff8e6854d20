/**
 * Remembers the results for the last keys, as long as they weigh no more than `most` together, and the very last: a trainer
 * jumps between shards in training order. A failure is not kept.
 */
export function lastUsed<K, T>(make: (key: K) => Promise<T>, weigh: (value: T) => number, most: number) {
  const known = new Map<K, { value: Promise<T>; weight: number }>();
  let total = 0;
  const drop = (key: K): void => {
    total -= known.get(key)?.weight ?? 0;
    known.delete(key);
  };
  return (key: K): Promise<T> => {
    const found = known.get(key);
    if (found) {
      known.delete(key);
      known.set(key, found);
      return found.value;
    }
    const entry = { value: make(key), weight: 0 };
    known.set(key, entry);
    const keep = (value: T): void => {
      if (known.get(key) !== entry) return;
      entry.weight = weigh(value);
      total += entry.weight;
      for (const oldest of known.keys()) {
        if (total <= most || oldest === key) break;
        drop(oldest);
      }
    };
    entry.value.then(keep, () => known.get(key) === entry && drop(key));
    return entry.value;
  };
}
