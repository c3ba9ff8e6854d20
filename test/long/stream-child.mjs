// Encodes one long document that is never whole, and prints what came of it; see tokenize-gibibyte.test.ts.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openTokenizer, readModel } from '../../dist/tokenize/index.js';

const folder = process.argv[2];
const tokenizer = openTokenizer(readModel(readFileSync(join(folder, 'model'))));
const texts = readFileSync(join(folder, 'texts'));
const { ends, order } = JSON.parse(readFileSync(join(folder, 'order.json'), 'utf8'));

let bytes = 0;
function* pieces() {
  // One buffer for all: nothing of a piece may be kept but by copying it.
  const piece = Buffer.alloc(2 ** 20);
  let [held, count] = [0, 0];
  for (const text of order) {
    for (let at = ends[text - 1] ?? 0; at < ends[text];) {
      const size = 1 + ((count * 7919 * 131) % piece.length);
      const copied = texts.copy(piece, held, at, Math.min(ends[text], at + size - held));
      at += copied;
      held += copied;
      if (held < size) continue;
      bytes += held;
      yield piece.subarray(0, held);
      held = 0;
      count++;
    }
  }
  bytes += held;
  yield piece.subarray(0, held);
}

const before = process.memoryUsage.rss();
const peakBefore = process.resourceUsage().maxRSS;
let highest = before;
const hash = createHash('sha256');
let [tokens, runs] = [0, 0];
for (const ids of tokenizer.encodeStream(pieces())) {
  hash.update(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
  tokens += ids.length;
  if (runs++ % 64 === 0) highest = Math.max(highest, process.memoryUsage.rss());
}
const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
// Loading the model took more for a moment: below that the system's own peak says nothing, and samples have to do.
const peak = maxRSS > peakBefore ? maxRSS * 1024 : highest;
const grown = Math.round((peak - before) / 2 ** 20);
const seconds = Math.round((userCPUTime + systemCPUTime) / 1e5) / 10;
console.log(JSON.stringify({ bytes, tokens, runs, sha256: hash.digest('hex'), grown, seconds }));
