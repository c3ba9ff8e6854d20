import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** How often memory is looked at, [milliseconds]. */
const EVERY = 50;
const TICKS_PER_SECOND = 100;

/**
 * Runs a command to its end: wall seconds, CPU seconds and peak memory of its whole process tree (PSS, so that what forked
 * processes share counts once), the largest resident set of the process itself (the kernel's own mark), and the last line it
 * printed. Memory and CPU are null outside Linux.
 */
export function measure(command, args, options) {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let out = '';
    let complaint = '';
    child.stdout.on('data', (data) => (out += data));
    child.stderr.on('data', (data) => (complaint = `${complaint}${data}`.slice(-2000)));
    let peak = 0;
    let highest = 0;
    let cpu = 0;
    const look = setInterval(() => {
      const seen = lookAt(child.pid);
      peak = Math.max(peak, seen.bytes);
      cpu = Math.max(cpu, seen.cpu);
      highest = Number(/^VmHWM:\s+(\d+)/m.exec(read(`/proc/${child.pid}/status`))?.[1] ?? highest / 1024) * 1024;
    }, EVERY);
    child.on('error', reject);
    child.on('close', (status) => {
      clearInterval(look);
      const seconds = (performance.now() - began) / 1000;
      if (status !== 0) return reject(new Error(`${command} ${args[0]} ended with ${status}: ${complaint}`));
      const linux = process.platform === 'linux';
      resolve({
        seconds,
        cpuSeconds: linux ? cpu : null,
        peakBytes: linux ? peak : null,
        highestBytes: linux ? highest : null,
        last: out.trim().split('\n').at(-1),
      });
    });
  });
}

function lookAt(root) {
  let bytes = 0;
  let cpu = 0;
  for (const pid of [root, ...below(root)]) {
    bytes += Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1024;
    // Times of the process and of the children it has waited for: fields 14 to 17, behind a name in parentheses.
    const fields = read(`/proc/${pid}/stat`).replace(/^.*\)/s, '').trim().split(' ');
    cpu += [11, 12, 13, 14].reduce((sum, i) => sum + Number(fields[i] ?? 0), 0) / TICKS_PER_SECOND;
  }
  return { bytes, cpu };
}

/** Processes below one: each thread of it lists those it started. */
function below(pid) {
  const found = [];
  for (const task of list(`/proc/${pid}/task`))
    for (const child of read(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean))
      found.push(child, ...below(child));
  return found;
}

const orElse = (work, otherwise) => {
  try {
    return work();
  } catch {
    // It has just ended.
    return otherwise;
  }
};
const read = (path) => orElse(() => readFileSync(path, 'utf8'), '');
const list = (path) => orElse(() => readdirSync(path), []);
