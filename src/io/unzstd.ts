import { ZSTDDecoder } from 'zstddec/stream';
import { decompressionLimit, inputTruncated, messageOf } from '../core/errors.ts';
import { Pull } from './pull.ts';
import { LARGEST_WINDOW, ZstdFrame, ZstdWindowError } from './zstd-frame.ts';

/** Calls that gave nothing and asked for nothing, after which nothing will come any more. */
const MOST_STALLS = 2;
/** Calls for the decoder to come to its end when it is left early: only there it gives its memory back. */
const LAST_CALLS = 64;

/**
 * Decompresses Zstandard, one frame after the other. The frames are found here (zstd-frame.ts); each is decoded by libzstd
 * in WebAssembly, which verifies its checksum: 430 MB/s on the test corpora, and the same on every version of Node.
 */
export async function* unzstd(source: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array> {
  const decoder = new ZSTDDecoder();
  await decoder.init();
  const input = new FrameInput(source, path);
  try {
    do yield* decoded(decoder, input);
    while (await input.begin());
  } finally {
    await input.close();
  }
}

/** One frame. The decoder takes its input from a plain iterator, so a piece is there before it is asked for one. */
async function* decoded(decoder: ZSTDDecoder, input: FrameInput): AsyncGenerator<Uint8Array> {
  let waiting = await input.piece();
  let asked = true;
  let stalls = 0;
  function* pieces(): Generator<Uint8Array> {
    for (; waiting !== null; asked = true) {
      const piece = waiting;
      waiting = null;
      yield piece;
    }
  }
  const outputs = decoder.decodeStreaming(pieces());
  let ended = false;
  try {
    for (;;) {
      waiting ??= await input.piece();
      asked = false;
      const { done, value } = input.coded(() => outputs.next());
      ended = done === true;
      if (ended) return;
      stalls = value!.length > 0 || asked ? 0 : stalls + 1;
      // It does not tell of an error it has met, but tries the same bytes again for ever.
      if (stalls === MOST_STALLS) throw input.damaged('its blocks or their checksum are not right');
      if (value!.length > 0) yield value!;
    }
  } finally {
    waiting = null;
    // A decoder that has met an error never ends; the run does.
    if (!ended && stalls < MOST_STALLS) for (let call = 0; call < LAST_CALLS && !endsNow(outputs); call++);
  }
}

/** Asks for more; true when there is none, in whichever way. */
function endsNow(outputs: Iterator<Uint8Array>): boolean {
  try {
    return outputs.next().done === true;
  } catch {
    return true; // that its input was not complete
  }
}

/** Cuts the input into frames. */
class FrameInput {
  private readonly input: Pull;
  private readonly path: string;
  private frame = new ZstdFrame();
  private chunk: Uint8Array = new Uint8Array(0);
  private at = 0;
  /** Offset of `chunk` in the file. */
  private offset = 0;

  constructor(source: AsyncIterable<Uint8Array>, path: string) {
    this.input = new Pull(source);
    this.path = path;
  }

  /** Begins the next frame; false at the end of the file. */
  async begin(): Promise<boolean> {
    this.frame = new ZstdFrame();
    return this.fill();
  }

  /** The next bytes of the frame; null when it has ended. */
  async piece(): Promise<Uint8Array | null> {
    if (this.frame.ended) return null;
    if (!(await this.fill())) {
      const { bytes } = this.input;
      const problem = bytes === 0 ? 'the file is empty, which is not Zstandard' : 'the Zstandard frame is not complete';
      throw inputTruncated(this.path, bytes, problem);
    }
    const from = this.at;
    this.at = this.coded(() => this.frame.walk(this.chunk, from));
    return this.chunk.subarray(from, this.at);
  }

  private async fill(): Promise<boolean> {
    if (this.at < this.chunk.length) return true;
    this.offset = this.input.bytes;
    this.chunk = (await this.input.next()) ?? new Uint8Array(0);
    this.at = 0;
    return this.chunk.length > 0;
  }

  /** Runs what looks at the bytes of a frame and codes its error. */
  coded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof ZstdWindowError)
        throw decompressionLimit(this.path, this.offset + this.at, `${error.message}, more than ${LARGEST_WINDOW}`);
      throw this.damaged(messageOf(error));
    }
  }

  damaged(problem: string): Error {
    return inputTruncated(this.path, this.offset + this.at, `Zstandard: ${problem}`);
  }

  close(): Promise<void> {
    return this.input.close();
  }
}
