import type { Reject } from '../core/document.ts';
import { corpusCorrupt, messageOf } from '../core/errors.ts';
import { canonicalJson } from '../core/fingerprint.ts';
import { CHUNK_BYTES } from '../io/bytes.ts';
import { type CommitSink, commitStream } from '../io/commit.ts';
import { lines } from '../io/lines.ts';
import { type FileEntry, provenChunks, type Receipt } from '../shard/index.ts';
import { count } from './ledger.ts';
import type { Plan } from './plan.ts';

/** Where the rejects of all splits are gathered, with numbers through each file. */
export const REJECTS = 'rejects/rejects.jsonl';

/** Lines as UTF-8 in chunks of 1 MiB: strings of their own, and then all of them joined, took 1.2 KB a reject. */
class LineBuffer {
  readonly #encoder = new TextEncoder();
  #chunk = new Uint8Array(0);
  #used = 0;
  #full: Uint8Array[] = [];

  add(line: string): void {
    if (this.#used + line.length * 3 > this.#chunk.length) {
      if (this.#used > 0) this.#full.push(this.#chunk.subarray(0, this.#used));
      this.#chunk = new Uint8Array(Math.max(CHUNK_BYTES, line.length * 3));
      this.#used = 0;
    }
    this.#used += this.#encoder.encodeInto(line, this.#chunk.subarray(this.#used)).written;
  }

  /** Chunks that are full; with `all`, the last one too. */
  take(all: boolean): Uint8Array[] {
    const taken = this.#full;
    this.#full = [];
    if (all && this.#used > 0) taken.push(this.#chunk.subarray(0, this.#used));
    if (all) [this.#chunk, this.#used] = [new Uint8Array(0), 0];
    return taken;
  }
}

/** The rejects of one split while it runs: their lines as bytes, and counts. */
export class RejectLog {
  readonly #plan: Plan;
  readonly #lines = new LineBuffer();
  /** Records by source and reason. */
  readonly counts = new Map<string, Record<string, number>>();
  records = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  add(reject: Reject): void {
    const { path = '', source = '' } = this.#plan.inputs[reject.input] ?? {};
    this.records++;
    const counts = this.counts.get(source) ?? {};
    this.counts.set(source, counts);
    count(counts, reject.reason, 1);
    this.#lines.add(`${canonicalJson({ file: path, ...reject })}\n`);
  }

  async write(sink: CommitSink): Promise<void> {
    for (const chunk of this.#lines.take(true)) await sink.write(chunk);
  }
}

export interface GatheredRejects {
  readonly file: FileEntry;
  /** The first one as a line for people. */
  readonly first: string;
}

/**
 * One file of all rejects; records (from 0) and lines (from 1) are numbered through each input file. Null without any. The
 * files of the splits stay: until there is a manifest, a run that goes on needs them.
 */
export async function gatherRejects(dir: string, receipts: readonly Receipt[]): Promise<GatheredRejects | null> {
  if (receipts.every(({ rejects }) => !rejects)) return null;
  const before = new Map<number, { records: number; lines: number }>();
  const beforeOf = (input: number) => before.get(input) ?? { records: 0, lines: 0 };
  let first = '';
  const file = await commitStream(`${dir}/${REJECTS}`, async (sink) => {
    const buffer = new LineBuffer();
    for (const { rejects, read } of receipts) {
      if (rejects)
        for await (const spans of lines(provenChunks(dir, rejects), 0, rejects.bytes)) {
          for (const { bytes } of spans) {
            const reject = storedReject(`${dir}/${rejects.path}`, bytes);
            const { records, lines: linesBefore } = beforeOf(reject.input);
            const line = reject.line === null ? null : reject.line + linesBefore + 1;
            const whole = { ...reject, record: reject.record + records, line };
            first ||= `${whole.file}, record ${whole.record}: ${whole.detail}`;
            buffer.add(`${canonicalJson(whole)}\n`);
          }
          for (const chunk of buffer.take(false)) await sink.write(chunk);
        }
      // A file's parts lie in consecutive splits, one in each: what came before is what was read of it so far.
      for (const { input, records, lines: ofPart } of read) {
        const sum = beforeOf(input);
        before.set(input, { records: sum.records + records, lines: sum.lines + ofPart });
      }
    }
    for (const chunk of buffer.take(true)) await sink.write(chunk);
  });
  return { file: { path: REJECTS, ...file }, first };
}

function storedReject(path: string, bytes: Uint8Array | null): Reject & { file: string } {
  try {
    return JSON.parse(new TextDecoder().decode(bytes ?? undefined)) as Reject & { file: string };
  } catch (error) {
    throw corpusCorrupt(path, 'a line', messageOf(error));
  }
}
