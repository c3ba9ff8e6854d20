/** Speed and time left, from what each step took. */
export interface Pace {
  readonly tokensPerSecond: number;
  readonly secondsLeft: number;
}

/**
 * Speed over about the last 20 steps and time left by it. The first step of the process is several times slower: figures
 * start anew with the second.
 */
export function paceOf(
  start: { readonly tokens: number } = { tokens: 0 },
): (tokens: number, milliseconds: number, progress: number) => Pace {
  let steps = 0;
  let before = start.tokens;
  let speed = 0;
  let spent = 0;
  let firstProgress = 0;
  return (tokens, milliseconds, progress) => {
    const now = ((tokens - before) / milliseconds) * 1000;
    before = tokens;
    steps += 1;
    speed = steps <= 2 ? now : speed + (now - speed) / Math.min(20, steps - 1);
    spent = steps <= 2 ? milliseconds : spent + milliseconds;
    if (steps === 1) firstProgress = progress;
    const made = steps === 1 ? progress : progress - firstProgress;
    return { tokensPerSecond: speed, secondsLeft: made > 0 ? (spent * (1 - progress)) / made / 1000 : 0 };
  };
}
