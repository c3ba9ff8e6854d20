import type { Manifest } from '../../shard/index.ts';
import type { ChosenBackend, RunResult, TrainEvent } from '../../train/index.ts';
import { duration, integer, safe } from '../format.ts';

type Decode = (ids: Int32Array) => string;

/** Shows a training run: a live line on a terminal, a line now and then in a pipe, JSON lines with `--json`. */
export interface TrainDisplay {
  corpus(dir: string, manifest: Manifest, passes: number): void;
  backend(chosen: ChosenBackend): void;
  event(event: TrainEvent, decode: Decode): void;
  done(result: RunResult): void;
  close(): void;
}

export const trainDisplay = (kind: 'terminal' | 'plain' | 'json'): TrainDisplay =>
  kind === 'json' ? jsonDisplay() : textDisplay(kind === 'terminal');

function jsonDisplay(): TrainDisplay {
  const send = (event: string, data: object): void =>
    void process.stdout.write(`${JSON.stringify({ event, ...data })}\n`);
  return {
    corpus: (dir, { plan, name, windows, windowLength, policy }, passes) =>
      send('corpus', { dir, plan, name, windows, windowLength, policy, passes }),
    backend: (chosen) => send('backend', chosen),
    event(event, decode) {
      const { kind, ...data } = event;
      if (event.kind === 'sample')
        send(kind, {
          heldOut: event.heldOut,
          prompt: decode(event.prompt),
          continuation: decode(event.continuation),
        });
      else send(kind, data);
    },
    done: (result) => send('done', result),
    close: () => {},
  };
}

/** Milliseconds between progress lines. */
const EVERY = { terminal: 500, plain: 10_000 };

function textDisplay(terminal: boolean): TrainDisplay {
  let live = '';
  let shownAt = -Infinity;
  const clear = (): void => {
    if (live) process.stdout.write(`\r${' '.repeat(live.length)}\r`);
    live = '';
  };
  const print = (line: string): void => {
    clear();
    process.stdout.write(`${line}\n`);
  };
  const progress = (event: TrainEvent & { kind: 'step' }): void => {
    const last = event.step >= event.steps;
    const now = performance.now();
    if (!last && now - shownAt < (terminal ? EVERY.terminal : EVERY.plain)) return;
    shownAt = now;
    const line = `step   ${stepLine(event)}`;
    if (!terminal) return print(line);
    const cut = line.slice(0, Math.max(20, (process.stdout.columns ?? 100) - 1));
    process.stdout.write(`\r${cut.padEnd(live.length)}`);
    live = cut;
  };
  return {
    corpus: (dir, { windows, windowLength, policy, tokenizer }, passes) =>
      print(
        `corpus ${dir}: ${integer(windows.train)} training and ${integer(windows.validation)} held-out windows of ` +
          `${integer(windowLength)} tokens, vocabulary ${integer(tokenizer.vocabSize)}, policy ${policy}, ${passes} noise pass(es)`,
      ),
    backend({ name, candidates }) {
      const refused = candidates.filter(({ accepted }) => !accepted).map((c) => `${c.name} ${c.reason}`);
      const why = candidates.find((candidate) => candidate.name === name)?.reason ?? '';
      const more = refused.length > 0 ? ['`train doctor` says more'] : [];
      print(`backend ${name}: ${[why, ...refused, ...more].join('; ')}`);
    },
    event(event, decode) {
      if (event.kind === 'step') return progress(event);
      for (const line of linesOf(event, decode)) print(line);
    },
    done(result) {
      for (const line of resultLines(result)) print(line);
    },
    close: clear,
  };
}

const stepLine = (e: TrainEvent & { kind: 'step' }): string =>
  `${integer(e.step)}/${integer(e.steps)} · loss ${e.loss.toFixed(3)} · ${integer(e.tokensPerSecond)} tokens/s · ` +
  `lr ${e.learningRate.toExponential(1)} · ${duration(e.secondsLeft)} left`;

function linesOf(event: TrainEvent, decode: Decode): string[] {
  switch (event.kind) {
    case 'model': {
      const { layers, dModel, heads, hidden } = event.config;
      const shape = `${layers} layers, width ${dModel}, ${heads} heads, feed-forward ${hidden}`;
      const { total, body } = event.parameters;
      return [`model  ${shape}: ${integer(total)} parameters, ${integer(body)} beside the embeddings`];
    }
    case 'unigram':
      return [
        `unigram of the training tokens on ${integer(event.tokens)} held-out tokens: ${event.crossEntropy.toFixed(3)} nats a token`,
      ];
    case 'evaluation':
      return [
        `${event.final ? 'end' : 'eval'}    step ${integer(event.step)} · held-out loss ${event.loss.toFixed(3)} nats a token` +
          (event.averageLoss === undefined ? '' : `, ${event.averageLoss.toFixed(3)} with averaged weights`),
      ];
    case 'step':
      return [`step   ${stepLine(event)}`];
    case 'breakdown':
      return [];
    case 'notice':
      return [`note   ${event.text}`];
    case 'files':
      return [
        `checkpoint ${event.checkpoint}`,
        `pictures   ${event.curve}, ${event.breakdown}`,
        `metrics    ${event.metrics}`,
      ];
    default:
      return [
        `sample: a prompt from ${event.heldOut ? 'held-out' : 'training'} text, then what the model made of masks`,
        ...quoted(`${decode(event.prompt)} ▸ ${decode(event.continuation)}`),
      ];
  }
}

/** Text from a corpus and a model: nothing of it may steer the terminal. */
const quoted = (text: string): string[] => text.split('\n').map((line) => `  | ${safe(line)}`);

function resultLines({ steps, interrupted, heldOut, unigram }: RunResult): string[] {
  if (interrupted && steps === 0) return ['stopped before the first step; no checkpoint is written'];
  if (interrupted)
    return [`stopped after ${integer(steps)} steps; the checkpoint is written, the same command with --resume goes on`];
  if (heldOut === null || unigram === null) return [`done: ${integer(steps)} steps`];
  const gain = unigram - heldOut;
  const verdict = gain > 0 ? `${gain.toFixed(3)} below` : `${(-gain).toFixed(3)} above`;
  return [
    `done: ${integer(steps)} steps, held-out loss ${heldOut.toFixed(3)}, ${verdict} the training unigram (${unigram.toFixed(3)}) nats a token`,
  ];
}
