import type { Flow } from './batch.ts';
import type { Ids, Reject } from './document.ts';

/** What the runner lends a stage. */
export interface StageContext {
  /** Sets a bad record aside. */
  reject(reject: Reject): void;
  /** Called now and then with what has been done since the last call. */
  progress(delta: { bytes?: number; documents?: number; tokens?: number; windows?: number }): void;
  /** Room for the ids of a long text outside of memory; without it they are held. */
  spool?(): Promise<Spool>;
  /** Room for the texts of long records; without it the records are held. */
  room?(): Promise<Room>;
  /** Room for tables that grow with the documents; without it they are held. */
  readonly overflow?: Overflow;
}

/** Bytes outside of memory. Its calls block: what is put there is still in the system's memory, most often. */
export interface Overflow {
  /** Puts bytes after those that are there, and returns where they are. */
  add(bytes: Uint8Array): number;
  read(at: number, into: Uint8Array): void;
}

/** Bytes outside of memory that are written over. */
export interface Room {
  write(at: number, bytes: Uint8Array): Promise<void>;
  /** Fills `into` with the bytes from `at` on. */
  read(at: number, into: Uint8Array): Promise<void>;
  /** They will not be asked for again. */
  release(): void;
}

export interface Spool extends Ids {
  /** Puts ids after those that are there. */
  add(ids: Int32Array): Promise<void>;
}

/** A stage and the hash of everything about it that changes bytes or their order, and of nothing else. */
interface Named {
  readonly name: string;
  readonly fingerprint: string;
}
export interface Source<Out> extends Named {
  read(context: StageContext): Flow<Out>;
}
export interface Stage<In, Out> extends Named {
  run(input: Flow<In>, context: StageContext): Flow<Out>;
}
export interface Sink<In, Result> extends Named {
  write(input: Flow<In>, context: StageContext): Promise<Result>;
}

/** A chain of stages; `to` accepts only what takes this chain's output, so a wrong order is a type error. */
export interface Chain<T> {
  readonly stages: readonly Named[];
  to<Out>(stage: Stage<T, Out>): Chain<Out>;
  into<Result>(sink: Sink<T, Result>): {
    readonly stages: readonly Named[];
    run(context: StageContext): Promise<Result>;
  };
}

/** `from(read).to(tokenize).to(pack).to(mask).into(shard).run(context)` */
export function from<T>(source: Source<T>): Chain<T> {
  return chain([source], (context) => source.read(context));
}

function chain<T>(stages: readonly Named[], open: (context: StageContext) => Flow<T>): Chain<T> {
  return {
    stages,
    to: (stage) => chain([...stages, stage], (context) => stage.run(open(context), context)),
    into: (sink) => ({ stages: [...stages, sink], run: (context) => sink.write(open(context), context) }),
  };
}
