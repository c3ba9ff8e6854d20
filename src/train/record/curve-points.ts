/** One point of a curve: step and nats a token. */
export interface CurvePoint {
  readonly step: number;
  readonly loss: number;
}

/** Exponential average over about a thirtieth of the run, at least ten steps, corrected for its start. */
export function smoothed(points: readonly CurvePoint[]): CurvePoint[] {
  const keep = 1 - 1 / Math.max(10, points.length / 30);
  let sum = 0;
  let weight = 0;
  return points.map(({ step, loss }) => {
    sum = keep * sum + (1 - keep) * loss;
    weight = keep * weight + (1 - keep);
    return { step, loss: sum / weight };
  });
}

/** At most about `limit` points that draw the same picture: the lowest and the highest of each of limit / 2 columns. */
export function thinned(points: readonly CurvePoint[], limit = 1000): readonly CurvePoint[] {
  if (points.length <= limit) return points;
  const columns = Math.floor(limit / 2);
  return Array.from({ length: columns }, (_, column) => {
    const [from, to] = [column, column + 1].map((edge) => Math.floor((edge * points.length) / columns));
    const some = points.slice(from, to);
    const low = some.reduce((a, b) => (b.loss < a.loss ? b : a));
    const high = some.reduce((a, b) => (b.loss > a.loss ? b : a));
    return low === high ? [low] : [low, high].toSorted((a, b) => a.step - b.step);
  }).flat();
}
