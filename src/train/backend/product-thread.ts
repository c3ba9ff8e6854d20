/** A thread that takes pieces of products as long as there are any, and sleeps. It has no say in what an element's sum is (kernel/index.as.ts). */
import { workerData } from 'node:worker_threads';

import { JOB, type Multiply, PIECE_NUMBERS, type ThreadData } from './product-job.ts';

const { kernel, memory, scratch } = workerData as ThreadData;
const multiply = new WebAssembly.Instance(kernel, { env: { memory } }).exports['multiply'] as Multiply;
const job = new Int32Array(memory.buffer);

Atomics.add(job, JOB.ready, 1);
for (;;) {
  const round = Atomics.load(job, JOB.round);
  for (let taken; (taken = Atomics.sub(job, JOB.left, 1)) > 0;) {
    const at = JOB.pieces + PIECE_NUMBERS * (taken - 1);
    const [left, right, out, rows] = job.subarray(at, at + PIECE_NUMBERS) as unknown as [
      number,
      number,
      number,
      number,
    ];
    const [n, k, leftStride, leftTurned, rightTurned] = job.subarray(JOB.n, JOB.rightTurned + 1) as unknown as [
      number, number, number, number, number,
    ]; // prettier-ignore
    multiply(left, leftStride, right, out, rows, n, k, leftTurned, rightTurned, scratch);
    Atomics.add(job, JOB.done, 1);
    Atomics.notify(job, JOB.done);
  }
  Atomics.wait(job, JOB.round, round);
}
