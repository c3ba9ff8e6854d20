/** Which window each piece goes into. */
export interface Placement {
  readonly windows: number;
  /** [pieces] */
  readonly windowOf: Int32Array;
}

/** The pieces of each window: those of window w are `pieces[starts[w]]` to `pieces[starts[w + 1] - 1]`, ascending. */
export interface Grouped {
  /** [windows + 1] */
  readonly starts: Int32Array;
  /** [pieces] */
  readonly pieces: Int32Array;
}

/** Windows of pieces: which, and the tokens in each. */
export interface Placed extends Grouped {
  readonly windows: number;
  /** [windows] */
  readonly fills: Int32Array;
}

/** Turns a placement round. Ascending numbers keep documents in their order inside a window. */
export function groupByWindow({ windows, windowOf }: Placement): Grouped {
  const starts = new Int32Array(windows + 1);
  for (const window of windowOf) starts[window + 1]!++;
  for (let w = 0; w < windows; w++) starts[w + 1]! += starts[w]!;
  const next = starts.slice();
  const pieces = new Int32Array(windowOf.length);
  for (let piece = 0; piece < windowOf.length; piece++) pieces[next[windowOf[piece]!]!++] = piece;
  return { starts, pieces };
}
