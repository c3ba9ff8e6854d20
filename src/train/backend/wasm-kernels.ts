import * as tf from '@tensorflow/tfjs-core';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';

import { copyRows, sumRowsBySegment, transposeMatrix } from './array-kernels.ts';

/**
 * Replacements for five kernels of tfjs-backend-wasm 4.22 that make training slow or impossible there (measured, one core):
 *
 * | kernel | stock | here |
 * |---|---|---|
 * | BatchMatMul, transposed or batched | 0.5-3 GF/s | ~35 GF/s: transposed in JavaScript, then one XNNPACK call a matrix |
 * | Slice | copies the whole source first: O(source) | copies the slice |
 * | Transpose of the last two axes | 0.12 G elements/s | 1.7 |
 * | GatherV2 of rows | 0.03 G elements/s | 1 |
 * | UnsortedSegmentSum | missing, so the gradient of gather throws | there |
 *
 * Every other case goes to the stock kernel.
 */
export function patchWasmKernels(): void {
  replace(tf.BatchMatMul, (stock) => (call) => batchMatMul(call, stock));
  replace(tf.Slice, (stock) => (call) => slice(call, stock));
  replace(tf.Transpose, (stock) => (call) => transpose(call, stock));
  replace(tf.GatherV2, (stock) => (call) => gather(call, stock));
  if (!tf.getKernel(tf.UnsortedSegmentSum, 'wasm')) {
    tf.registerKernel({ kernelName: tf.UnsortedSegmentSum, backendName: 'wasm', kernelFunc: asKernel(segmentSum) });
  }
}

interface Call {
  readonly inputs: Readonly<Record<string, tf.TensorInfo>>;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly backend: BackendWasm;
}
type Kernel = (call: Call) => tf.TensorInfo;

const asKernel = (kernel: Kernel): tf.KernelFunc => kernel as unknown as tf.KernelFunc;
const patched = new Set<string>();

function replace(name: string, make: (stock: Kernel) => Kernel): void {
  const config = tf.getKernel(name, 'wasm');
  if (!config || patched.has(name)) return;
  patched.add(name);
  tf.unregisterKernel(name, 'wasm');
  tf.registerKernel({ ...config, kernelFunc: asKernel(make(config.kernelFunc as unknown as Kernel)) });
}

/** The tensor's memory; a view dies when the heap grows, so take it after every allocation. */
const floats = (backend: BackendWasm, tensor: tf.TensorInfo): Float32Array =>
  backend.typedArrayFromHeap(tensor) as Float32Array;

/** [..., R, C] -> [..., C, R]; the caller disposes. */
function transposed(backend: BackendWasm, tensor: tf.TensorInfo): tf.TensorInfo {
  const rows = tensor.shape.at(-2)!;
  const columns = tensor.shape.at(-1)!;
  const out = backend.makeOutput([...tensor.shape.slice(0, -2), columns, rows], 'float32');
  const from = floats(backend, tensor);
  const to = floats(backend, out);
  for (let offset = 0; offset < from.length; offset += rows * columns) transposeMatrix(from, to, rows, columns, offset);
  return out;
}

type MatMulCall = (
  a: number, aShape: Uint8Array, aRank: number, b: number, bShape: Uint8Array, bRank: number,
  transposeA: boolean, transposeB: boolean, out: number,
) => void; // prettier-ignore
const matMulOf = new WeakMap<BackendWasm, MatMulCall>();

/** tfjs's own entry point; fast for one matrix times one matrix, neither transposed (XNNPACK). */
function matMulCall(backend: BackendWasm): MatMulCall {
  let call = matMulOf.get(backend);
  if (!call) {
    const module = backend.wasm as unknown as { cwrap(name: string, result: null, types: string[]): MatMulCall };
    call = module.cwrap(
      tf.BatchMatMul,
      null,
      'number array number number array number number number number'.split(' '),
    );
    matMulOf.set(backend, call);
  }
  return call;
}

const shapeBytes = (...shape: number[]): Uint8Array => new Uint8Array(Int32Array.from(shape).buffer);

/** Ids for parts of a tensor's memory, far above those that the backend hands out. */
const ALIAS = 0x40000000;

function batchMatMul(call: Call, stock: Kernel): tf.TensorInfo {
  const { a, b } = call.inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
  const { transposeA, transposeB } = call.attrs as { transposeA: boolean; transposeB: boolean };
  const backend = call.backend;
  const outer = a.shape.slice(0, -2);
  const batch = tf.util.sizeFromShape(outer);
  const sameBatch = outer.length + 2 === b.shape.length && outer.every((size, axis) => size === b.shape[axis]);
  const empty = tf.util.sizeFromShape(a.shape) === 0 || tf.util.sizeFromShape(b.shape) === 0;
  if (!sameBatch || empty || (batch === 1 && !transposeA && !transposeB)) return stock(call);

  const left = transposeA ? transposed(backend, a) : a;
  const right = transposeB ? transposed(backend, b) : b;
  const m = left.shape.at(-2)!;
  const k = left.shape.at(-1)!;
  const n = right.shape.at(-1)!;
  if (right.shape.at(-2) !== k) throw new Error(`matMul: inner sizes ${k} and ${right.shape.at(-2)} differ`);
  const out = backend.makeOutput([...outer, m, n], 'float32');
  const start = (tensor: tf.TensorInfo): number => backend.getMemoryOffset(tensor.dataId);
  const [aStart, bStart, outStart] = [start(left), start(right), start(out)];
  const aShape = shapeBytes(1, m, k);
  const bShape = shapeBytes(1, k, n);
  const multiply = matMulCall(backend);
  const memory = backend.wasm.tfjs;
  for (let i = 0; i < batch; i++) {
    memory.registerTensor(ALIAS, m * k, aStart + i * m * k * 4);
    memory.registerTensor(ALIAS + 1, k * n, bStart + i * k * n * 4);
    memory.registerTensor(ALIAS + 2, m * n, outStart + i * m * n * 4);
    multiply(ALIAS, aShape, 3, ALIAS + 1, bShape, 3, false, false, ALIAS + 2);
    // Frees what XNNPACK packed of the right-hand matrix, not the memory.
    for (let id = ALIAS; id < ALIAS + 3; id++) memory.disposeData(id);
  }
  if (transposeA) backend.disposeData(left.dataId);
  if (transposeB) backend.disposeData(right.dataId);
  return out;
}

function transpose(call: Call, stock: Kernel): tf.TensorInfo {
  const x = call.inputs['x']!;
  const perm = call.attrs['perm'] as readonly number[];
  const rank = perm.length;
  const lastTwo = rank >= 2 && perm.every((axis, i) => axis === (i < rank - 2 ? i : 2 * rank - 3 - i));
  return lastTwo && x.dtype === 'float32' ? transposed(call.backend, x) : stock(call);
}

function slice(call: Call, stock: Kernel): tf.TensorInfo {
  const x = call.inputs['x']!;
  if (x.dtype === 'string' || x.dtype === 'bool' || x.dtype === 'complex64') return stock(call);
  const { begin, size } = call.attrs as { begin: number | number[]; size: number | number[] };
  const [first, shape] = tf.slice_util.parseSliceParams(x, begin, size) as [number[], number[]];
  const out = call.backend.makeOutput(shape, x.dtype);
  if (tf.util.sizeFromShape(shape) === 0) return out;
  const from = floats(call.backend, x);
  const to = floats(call.backend, out);
  // Trailing axes that are taken whole join the run that is copied at once.
  let axis = shape.length;
  let run = 1;
  while (axis > 0 && run === tf.util.sizeFromShape(x.shape.slice(axis))) run *= shape[--axis]!;
  const strides = [...tf.util.computeStrides(x.shape), 1];
  const base = first.reduce((sum, at, i) => sum + at * strides[i]!, 0);
  const outer = shape.slice(0, axis);
  const index = outer.map(() => 0);
  for (let at = 0; at < to.length; at += run) {
    const source = index.reduce((sum, at, i) => sum + at * strides[i]!, base);
    to.set(from.subarray(source, source + run), at);
    for (let i = outer.length - 1; i >= 0 && ++index[i]! === outer[i]; i--) index[i] = 0;
  }
  return out;
}

function gather(call: Call, stock: Kernel): tf.TensorInfo {
  const { x, indices } = call.inputs as { x: tf.TensorInfo; indices: tf.TensorInfo };
  const { axis, batchDims } = call.attrs as { axis: number; batchDims: number };
  const rows = x.shape[0] ?? 0;
  if (axis !== 0 || batchDims !== 0 || rows === 0 || (x.dtype !== 'float32' && x.dtype !== 'int32')) return stock(call);
  const out = call.backend.makeOutput([...indices.shape, ...x.shape.slice(1)], x.dtype);
  const at = call.backend.typedArrayFromHeap(indices) as Int32Array;
  copyRows(floats(call.backend, x), floats(call.backend, out), at, rows);
  return out;
}

function segmentSum(call: Call): tf.TensorInfo {
  const { x, segmentIds } = call.inputs as { x: tf.TensorInfo; segmentIds: tf.TensorInfo };
  const segments = call.attrs['numSegments'] as number;
  const out = call.backend.makeOutput([segments, ...x.shape.slice(segmentIds.shape.length)], 'float32');
  const ids = call.backend.typedArrayFromHeap(segmentIds) as Int32Array;
  sumRowsBySegment(floats(call.backend, x), floats(call.backend, out), ids, segments);
  return out;
}
