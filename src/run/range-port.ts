/** A range of an input on its way from the thread that reads it to the worker that packs it. */
import type { MessagePort } from 'node:worker_threads';
import { PrepError } from '../core/errors.ts';
import type { Range } from '../read/index.ts';

/** What the reader sends: the bytes, moved and not copied, and then whether the file ends with them. */
export type ToRange = Uint8Array<ArrayBuffer> | { readonly last: boolean };

/** A range of input `input`, for whom it was handed to. */
export interface RangeHandle {
  readonly input: number;
  readonly start: number;
  readonly port: MessagePort;
}

/** The range as something to read from; the reader hears how many bytes were taken, and sends more. */
export function receiveRange({ input, start, port }: RangeHandle): Range {
  const arrived: ToRange[] = [];
  let wake = () => {};
  let closed = false;
  // After all that was sent: whoever waits for more would wait for ever.
  port.on('close', () => {
    closed = true;
    wake();
  });
  port.on('message', (message: ToRange) => {
    arrived.push(message);
    wake();
  });
  let last = true;
  const chunks = (async function* () {
    try {
      for (;;) {
        const message = arrived.shift();
        if (message === undefined && closed)
          throw new PrepError('INTERNAL', `input ${input}, from byte ${start}: its reader ended before it`);
        if (message === undefined) await new Promise<void>((resolve) => (wake = resolve));
        else if (message instanceof Uint8Array) {
          yield message;
          port.postMessage(message.length);
        } else {
          ({ last } = message);
          return;
        }
      }
    } finally {
      port.close();
    }
  })();
  return { input, start, chunks, last: () => last };
}
