/**
 * Preloaded (`node --import`) into a process under test and its worker threads. Every call that changes something below
 * `root` passes here as an operation with a number; a write is torn into four. What then happens to it is in $ULTRAPREP_FAULTS:
 *   record  each operation that was done is written to `log`, and what the program acknowledged in between
 *   kill    SIGKILL to the own process before operation `at`
 *   fail    operation `at` fails with `code`, or all of them from there on (`always`); SHORT: a write takes a part only
 *   blind   the look at a file or folder with number `at` fails with EIO: looks have numbers of their own
 *   slow    a worker's first receipt waits for `wait` ms
 * It takes the place of node:fs/promises itself, so that nothing can write around it; the synchronous calls are refused.
 */
import fs from 'node:fs';
import fsp from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, relative, resolve, sep } from 'node:path';
import {
  getEnvironmentData,
  isMainThread,
  parentPort,
  setEnvironmentData,
  threadId,
  workerData,
} from 'node:worker_threads';

const settings = JSON.parse(process.env.ULTRAPREP_FAULTS);
const { root, mode, at, code, always, log, wait } = settings;
const real = { ...fsp };
const { appendFileSync } = fs;
/** Operations so far, of all threads. */
const shared = isMainThread ? new Int32Array(new SharedArrayBuffer(12)) : getEnvironmentData('ultraprep faults');
if (isMainThread) setEnvironmentData('ultraprep faults', shared);
/** Less than this is not torn. */
const TORN_BYTES = 256;
const [COUNT, FILES, LOOKS] = [0, 1, 2];

const below = (path) => {
  const found = relative(root, resolve(String(path)));
  return found !== '..' && !found.startsWith(`..${sep}`) ? found.split(sep).join('/') : undefined;
};
const note = (entry) => log && appendFileSync(log, `${JSON.stringify({ ...entry, thread: threadId })}\n`);

/** What a full disk refuses; a broken one refuses all. */
const TAKES_SPACE = new Set(['mkdir', 'create', 'write', 'sync', 'rename', 'link']);

async function operation(entry, act) {
  // The few bytes between two buffers of an Arrow file: written, but no point of its own, or four of five would be these.
  if (entry.op === 'write' && entry.bytes < TORN_BYTES) {
    const result = await act(false);
    if (mode === 'record') note(entry);
    return result;
  }
  const number = Atomics.add(shared, COUNT, 1);
  if (mode === 'kill' && number === at) process.kill(process.pid, 'SIGKILL');
  if (mode === 'fail' && (always ? number >= at : number === at)) {
    if (code === 'SHORT') {
      if (entry.op === 'write') return act(true);
    } else if (code !== 'ENOSPC' || TAKES_SPACE.has(entry.op)) {
      // Of a folder made for one below it, that one: whose failure is not told may be a hint.
      note({ failed: entry.op, path: entry.target ?? entry.path, number });
      throw Object.assign(new Error(`${code}: injected, ${entry.op} '${entry.path}'`), { code, syscall: entry.op });
    }
  }
  if (mode === 'slow' && !isMainThread && entry.op === 'create' && /-0000[02]\.json$/.test(entry.path))
    await new Promise((go) => setTimeout(go, wait));
  const result = await act(false);
  if (mode === 'record') note({ ...entry, number });
  return result;
}

function look(entry, act) {
  if (Atomics.add(shared, LOOKS, 1) === at && mode === 'blind') {
    note({ failed: entry.op, path: entry.path });
    throw Object.assign(new Error(`EIO: injected, ${entry.op} '${entry.path}'`), { code: 'EIO', syscall: entry.op });
  }
  return act();
}

const quarters = (bytes) => {
  if (bytes.length < TORN_BYTES) return bytes.length === 0 ? [] : [bytes];
  const size = Math.max(1, Math.ceil(bytes.length / 4));
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
};

function writeByOperations(handle, path, file) {
  const { write, sync, stat, close } = handle;
  const put = (bytes) => write.call(handle, bytes, 0, bytes.length);
  handle.write = async (bytes) => {
    let bytesWritten = 0;
    for (const piece of quarters(bytes)) {
      const data = mode === 'record' ? Buffer.from(piece).toString('base64') : undefined;
      const taken = await operation({ op: 'write', path, file, data, bytes: bytes.length }, (short) =>
        put(short ? piece.subarray(0, piece.length >> 1) : piece),
      );
      bytesWritten += taken.bytesWritten;
      if (taken.bytesWritten < piece.length) break;
    }
    return { bytesWritten, buffer: bytes };
  };
  handle.sync = () => operation({ op: 'sync', path, file }, () => sync.call(handle));
  handle.stat = () => stat.call(handle);
  handle.close = () => close.call(handle);
}

fsp.open = async (name, flags = 'r', ...rest) => {
  const path = below(name);
  if (path === undefined) return real.open(name, flags, ...rest);
  if (flags === 'r') {
    const handle = await look({ op: 'open', path }, () => real.open(name, flags, ...rest));
    const { sync, read } = handle;
    handle.read = async (...args) => look({ op: 'read', path }, () => read.apply(handle, args));
    handle.sync = () => operation({ op: 'syncFolder', path }, () => sync.call(handle));
    return handle;
  }
  const file = Atomics.add(shared, FILES, 1);
  return operation({ op: 'create', path, file }, async () => {
    const handle = await real.open(name, flags, ...rest);
    writeByOperations(handle, path, file);
    return handle;
  });
};

const wrapped = (op, entryOf) => {
  fsp[op] = (...args) => {
    const path = below(args[0]);
    return path === undefined
      ? real[op](...args)
      : operation({ op, path, ...entryOf?.(args) }, () => real[op](...args));
  };
};
wrapped('rename', (args) => ({ to: below(args[1]) }));
wrapped('link', (args) => ({ to: below(args[1]) }));
wrapped('unlink');
wrapped('rmdir');
wrapped('rm');
wrapped('truncate');
for (const op of ['stat', 'lstat', 'readdir'])
  fsp[op] = async (...args) => {
    const path = below(args[0]);
    return path === undefined ? real[op](...args) : look({ op, path }, () => real[op](...args));
  };
fsp.mkdir = async (name, options, target = below(name)) => {
  const path = below(name);
  if (path === undefined || fs.existsSync(name)) return real.mkdir(name, options);
  // Each folder on its own, as the system does it.
  if (options?.recursive && path !== '') await fsp.mkdir(dirname(resolve(String(name))), options, target);
  await operation({ op: 'mkdir', path, target }, () => real.mkdir(name, options));
  return resolve(String(name));
};
// Claims are empty files and hints: a file as any other, but nothing of it needs to last.
fsp.writeFile = async (name, content, options) => {
  const path = below(name);
  if (path === undefined) return real.writeFile(name, content, options);
  const handle = await fsp.open(name, options?.flag ?? 'w');
  try {
    if (content.length > 0) await handle.write(Buffer.from(content));
  } finally {
    await handle.close();
  }
};

const around = (name) => () => {
  throw new Error(`${name} writes around the file system`);
};
for (const name of ['appendFile', 'copyFile', 'cp', 'symlink', 'mkdtemp', 'lutimes', 'chmod']) {
  const before = fsp[name];
  fsp[name] = (...args) =>
    below(args.at(name.includes('link') || name.startsWith('c') ? 1 : 0)) === undefined
      ? before(...args)
      : around(name)();
}
for (const name of [
  'writeFileSync',
  'appendFileSync',
  'renameSync',
  'unlinkSync',
  'rmSync',
  'mkdirSync',
  'createWriteStream',
  'truncateSync',
  'copyFileSync',
]) {
  const before = fs[name];
  fs[name] = (...args) => (below(args[0]) === undefined ? before(...args) : around(name)());
}
syncBuiltinESMExports();

/** What the program says is done: a worker to its runner, the command to whoever reads its output (`--json`). */
if (mode === 'record') {
  if (parentPort) {
    const { postMessage } = parentPort;
    parentPort.postMessage = (message, ...rest) => {
      const folder = workerData.pass === 'pack' ? 'receipts' : 'survey/receipts';
      if (message.kind === 'done')
        note({ op: 'ack', path: `${folder}/${String(message.split).padStart(5, '0')}.json` });
      return postMessage.call(parentPort, message, ...rest);
    };
  }
  if (isMainThread) {
    const { write } = process.stdout;
    process.stdout.write = (text, ...rest) => {
      const { event, pass } = JSON.parse(text);
      if (event === 'merged') note({ op: 'ack', path: 'manifest.json' });
      if (event === 'pass') note({ op: 'ack', path: `receipts/noise-pass-${String(pass).padStart(3, '0')}.json` });
      return write.call(process.stdout, text, ...rest);
    };
  }
}
if (isMainThread)
  process.on('exit', () => note({ operations: Atomics.load(shared, COUNT), looks: Atomics.load(shared, LOOKS) }));
