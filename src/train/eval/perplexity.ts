import { interrupted } from '../../core/errors.ts';
import { keyOf, philox, STREAM } from '../../core/random.ts';
import type { Slab } from '../slab.ts';
import { slabCrossEntropies } from '../model/loss.ts';
import type { Model } from '../sample/row.ts';
import type { Piece } from './held-out.ts';

/** Tokens in one forward pass, but at least a piece: bounds memory. */
const SLAB_TOKENS = 4096;

export interface Perplexity {
  readonly pieces: number;
  /** Predicted ones, all pieces together. */
  readonly tokens: number;
  /** Nats a token: an upper bound on the negative log-likelihood, and the standard error of that over the pieces. */
  readonly nats: number;
  readonly standardError: number;
  /** exp(nats). */
  readonly perplexity: number;
}

export interface PerplexitySettings {
  /** Maskings of each piece. */
  readonly samples: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** After each piece: how many are done. */
  readonly done?: (pieces: number) => void;
}

/**
 * LLaDA's likelihood (arXiv 2502.09992, eq. 6): of the L tokens of a piece that may be masked exactly l ~ U{1..L} are, and
 * their cross-entropies are weighted with L / l. The l of a piece's samples are a systematic sample of 1..L (even gaps, one
 * random shift), as in a batch of LLaDA's: no bias, and less variance than from l drawn one by one.
 */
export async function perplexity(
  pieces: readonly Piece[],
  model: Model,
  { samples, seed, signal, done = () => {} }: PerplexitySettings,
): Promise<Perplexity> {
  const nats: number[] = [];
  for (const [number, piece] of pieces.entries()) {
    const counts = maskCounts(piece.maskable.length, samples, number, seed);
    const atOnce = Math.max(1, Math.floor(SLAB_TOKENS / piece.ids.length));
    let sum = 0;
    for (let from = 0; from < samples; from += atOnce) {
      // Only a turn of the event loop lets a signal in.
      await new Promise(setImmediate);
      if (signal?.aborted) throw interrupted(number, pieces.length, 'pieces');
      const rows = counts.slice(from, from + atOnce).map((count, i) => maskedAt(piece, count, number, from + i, seed));
      const slab = rowsOf(piece, rows, model.config.maskTokenId);
      const crossEntropies = await slabCrossEntropies(slab, model.parameters, model.config);
      crossEntropies.forEach((one, i) => (sum += slab.weights[i]! * one));
    }
    nats.push(sum / samples);
    done(number + 1);
  }
  return summary(
    nats,
    pieces.map(({ maskable }) => maskable.length),
  );
}

/** [samples] numbers of masked tokens, one from each of as many equal parts of 1..length. */
export function maskCounts(length: number, samples: number, piece: number, seed: number): number[] {
  const draw = new Uint32Array(4);
  philox(draw, keyOf(seed), 0, 0, piece, STREAM.likelihood);
  const shift = draw[0]! / 2 ** 32;
  return Array.from({ length: samples }, (_, k) => 1 + Math.floor((length * (k + shift)) / samples));
}

/** `count` of the positions that may be masked, ascending, every set of them as likely: the first of a seeded shuffle. */
export function maskedAt(piece: Piece, count: number, number: number, sample: number, seed: number): Int32Array {
  const positions = piece.maskable.slice();
  const draw = new Uint32Array(4);
  const key = keyOf(seed);
  for (let i = 0; i < count; i++) {
    philox(draw, key, i + 1, sample, number, STREAM.likelihood);
    // 64 bits over at most 2^24 choices: the bias is below 2^-40.
    const u = (draw[0]! + draw[1]! / 2 ** 32) / 2 ** 32;
    const other = i + Math.min(positions.length - i - 1, Math.floor(u * (positions.length - i)));
    [positions[i], positions[other]] = [positions[other]!, positions[i]!];
  }
  return positions.subarray(0, count).sort();
}

/** The piece once for each of `rows` (positions to mask), end to end. */
function rowsOf({ ids, maskable }: Piece, rows: readonly Int32Array[], maskTokenId: number): Slab {
  const masked = rows.flatMap((row, i) => Array.from(row, (at) => i * ids.length + at));
  const xt = new Int32Array(rows.length * ids.length);
  rows.forEach((_, i) => xt.set(ids, i * ids.length));
  for (const at of masked) xt[at] = maskTokenId;
  return {
    ids: xt,
    positions: xt.map((_, i) => i % ids.length),
    groupOffsets: Int32Array.from({ length: rows.length + 1 }, (_, i) => i * ids.length),
    masked: Int32Array.from(masked),
    targets: Int32Array.from(masked, (at) => ids[at % ids.length]!),
    weights: Float32Array.from(rows.flatMap((row) => Array.from(row, () => maskable.length / row.length))),
  };
}

/** Ratio of sums over the pieces, which may differ in length, and its standard error; NaN of a single piece. */
function summary(nats: readonly number[], tokens: readonly number[]): Perplexity {
  const total = tokens.reduce((a, b) => a + b, 0);
  const mean = nats.reduce((a, b) => a + b, 0) / total;
  const n = nats.length;
  const squares = nats.reduce((sum, y, i) => sum + (y - mean * tokens[i]!) ** 2, 0);
  const standardError = n > 1 ? Math.sqrt((squares * n) / (n - 1)) / total : Number.NaN;
  return { pieces: n, tokens: total, nats: mean, standardError, perplexity: Math.exp(mean) };
}
