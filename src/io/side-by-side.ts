/** Enough to keep a disk or a network busy, few enough to hold no memory: 100,000 stats took a fifth of the time one by one. */
const AT_ONCE = 256;

/** Asks something of each item, many at a time; answers in the order of the items. The first error ends it. */
export async function eachOf<T, R>(items: readonly T[], ask: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += AT_ONCE)
    results.push(...(await Promise.all(items.slice(i, i + AT_ONCE).map(ask))));
  return results;
}
