import * as tf from '@tensorflow/tfjs-core';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';

import { copyRows, sumRowsBySegment, transposeMatrix } from './array-kernels.ts';
import { productsOf } from './products.ts';

/**
 * Replacements for five kernels of tfjs-backend-wasm 4.22 that make training slow or impossible there (measured, one core):
 *
 * | kernel | stock | here |
 * |---|---|---|
 * | BatchMatMul | 31 GF/s (XNNPACK), transposed or batched 0.5-3 | 36-43 a core: a kernel of our own (products.ts) |
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

function batchMatMul(call: Call, stock: Kernel): tf.TensorInfo {
  const { a, b } = call.inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
  const { transposeA, transposeB } = call.attrs as { transposeA: boolean; transposeB: boolean };
  const backend = call.backend;
  const outer = a.shape.slice(0, -2);
  const sameBatch = outer.length + 2 === b.shape.length && outer.every((size, axis) => size === b.shape[axis]);
  if (!sameBatch || a.dtype !== 'float32' || b.dtype !== 'float32') return stock(call);

  const [m, k] = lastTwo(a, transposeA);
  const [inner, n] = lastTwo(b, transposeB);
  if (inner !== k) throw new Error(`matMul: inner sizes ${k} and ${inner} differ`);
  const out = backend.makeOutput([...outer, m, n], 'float32');
  if (k === 0) floats(backend, out).fill(0);
  if (m === 0 || n === 0 || k === 0) return out;
  const [left, right, to] = [a, b, out].map(({ dataId }) => backend.getMemoryOffset(dataId)) as [
    number,
    number,
    number,
  ];
  const batch = tf.util.sizeFromShape(outer);
  if (batch > 0)
    productsOf(backend)({ left, right, out: to, batch, m, n, k, leftTurned: transposeA, rightTurned: transposeB });
  return out;
}

/** Rows and columns, as they are multiplied. */
function lastTwo({ shape }: tf.TensorInfo, turned: boolean): [rows: number, columns: number] {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return turned ? [columns, rows] : [rows, columns];
}

function transpose(call: Call, stock: Kernel): tf.TensorInfo {
  const x = call.inputs['x']!;
  const perm = call.attrs['perm'] as readonly number[];
  const rank = perm.length;
  const swapped = rank >= 2 && perm.every((axis, i) => axis === (i < rank - 2 ? i : 2 * rank - 3 - i));
  return swapped && x.dtype === 'float32' ? transposed(call.backend, x) : stock(call);
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
