import { safe } from '../format.ts';

/** What an evaluation shows: lines of text, with a live line on a terminal; or a JSON object for each result. */
export interface EvalDisplay {
  note(text: string): void;
  /** A line of text that is there to stay. */
  line(text: string): void;
  /** How far it is: shown on a terminal until the next line. */
  progress(text: string): void;
  result(event: string, data: object): void;
  close(): void;
}

export function evalDisplay(kind: 'terminal' | 'plain' | 'json'): EvalDisplay {
  let live = '';
  const clear = (): void => {
    if (live) process.stderr.write(`\r${' '.repeat(live.length)}\r`);
    live = '';
  };
  const line = (text: string): void => {
    clear();
    if (kind !== 'json') process.stdout.write(`${safe(text)}\n`);
  };
  return {
    line,
    note: (text) => line(`note   ${text}`),
    progress(text) {
      if (kind !== 'terminal') return;
      const cut = text.slice(0, Math.max(20, (process.stderr.columns ?? 100) - 1));
      process.stderr.write(`\r${cut.padEnd(live.length)}`);
      live = cut;
    },
    result(event, data) {
      if (kind === 'json') process.stdout.write(`${JSON.stringify({ event, ...data })}\n`);
    },
    close: clear,
  };
}
