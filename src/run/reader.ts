/** A reader thread: reads one input that is cut while it is read, and hands its ranges out to be packed by others. */
import { MessageChannel, type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { decompressionLimit, type ErrorData, fingerprintMismatch, toErrorData } from '../core/errors.ts';
import { type Hasher, hasher } from '../io/hash.ts';
import { checkUnchanged, cutStream, type InputFile, type StreamPiece } from '../read/index.ts';
import type { RangeHandle, ToRange } from './range-port.ts';

export interface ReaderData {
  readonly file: InputFile;
  readonly input: number;
  /** Number of the first split, and how many there may be. */
  readonly first: number;
  readonly slots: number;
  readonly splitBytes: number;
  /** Ranges that have their receipts: they are compared, and not handed out. */
  readonly done: readonly DoneRange[];
  /** Bytes that may be on their way. */
  readonly budget: number;
  /** Bytes on disk that are enough. */
  readonly stopAt: number;
}
export interface DoneRange {
  readonly split: number;
  readonly start: number;
  readonly end: number;
  readonly sha256: string;
}
export type FromReader =
  | { readonly kind: 'range'; readonly split: number; readonly range: RangeHandle }
  | { readonly kind: 'progress'; readonly bytes: number }
  /** `sha256` of the file on disk. */
  | { readonly kind: 'end'; readonly splits: number; readonly sha256: string }
  | { readonly kind: 'failed'; readonly error: ErrorData };

/** Where the bytes of the range at hand go. */
interface Open {
  take(piece: StreamPiece): Promise<void>;
  end(last: boolean): void;
}

async function readAndCut(data: ReaderData, send: (message: FromReader, move?: MessagePort[]) => void): Promise<void> {
  const { file, input, first, slots, splitBytes } = data;
  const done = new Map(data.done.map((range) => [range.split, range]));
  const flight = new Flight(data.budget);
  const onDisk = hasher();
  checkUnchanged(file);
  const see = (bytes: Uint8Array) => {
    onDisk.update(bytes);
    send({ kind: 'progress', bytes: bytes.length });
  };
  let open: Open | undefined;
  let splits = 0;
  for await (const piece of cutStream(file, splitBytes, see, data.stopAt)) {
    if (piece.begins) {
      open?.end(false);
      if (splits === slots) throw decompressionLimit(file.name, file.size, `it becomes more than ${slots} splits`);
      const split = first + splits++;
      const known = done.get(split);
      open = known ? comparing(file, known, piece.start) : handing(split, piece.start);
    }
    await open!.take(piece);
  }
  open?.end(data.stopAt === Infinity);
  send({ kind: 'end', splits, sha256: onDisk.digest() });

  function handing(split: number, start: number): Open {
    const { port1, port2 } = new MessageChannel();
    port1.on('message', (taken: number) => flight.landed(taken));
    send({ kind: 'range', split, range: { input, start, port: port2 } }, [port2]);
    return {
      async take({ bytes }) {
        await flight.room(bytes.length);
        port1.postMessage(bytes satisfies ToRange, [bytes.buffer]);
      },
      end: (last) => port1.postMessage({ last } satisfies ToRange),
    };
  }
}

/** A range that was packed before: a file of the same size may have other content now. */
function comparing({ name }: InputFile, known: DoneRange, start: number): Open {
  const hash: Hasher = hasher();
  let end = start;
  return {
    take({ bytes }) {
      hash.update(bytes);
      end += bytes.length;
      return Promise.resolve();
    },
    end() {
      const [found, expected] = [
        [start, end, hash.digest()],
        [known.start, known.end, known.sha256],
      ];
      if (String(found) !== String(expected))
        throw fingerprintMismatch(name, 'content', `bytes ${found.join(' ')}`, `bytes ${expected.join(' ')}`);
    },
  };
}

/** The bytes that were sent and not taken yet: no more than `most`, whatever the workers are slow at. */
class Flight {
  readonly #most: number;
  #bytes = 0;
  #wake = () => {};

  constructor(most: number) {
    this.#most = most;
  }

  async room(bytes: number): Promise<void> {
    while (this.#bytes > 0 && this.#bytes + bytes > this.#most) await new Promise<void>((wake) => (this.#wake = wake));
    this.#bytes += bytes;
  }

  landed(bytes: number): void {
    this.#bytes -= bytes;
    this.#wake();
  }
}

if (parentPort) {
  const port = parentPort;
  const send = (message: FromReader, move: MessagePort[] = []) => port.postMessage(message, move);
  readAndCut(workerData as ReaderData, send).catch((error: unknown) =>
    send({ kind: 'failed', error: toErrorData(error) }),
  );
}
