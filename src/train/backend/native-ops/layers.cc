// RMSNorm, SwiGLU and rotary embedding (layers.ts, rope.ts).
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "blocks.h"
#include "operation.h"
#include "vector.h"

namespace ultraprep {
namespace {

VECTOR float dot(const float* a, const float* b, int64_t n) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

// ---- RMSNorm

VECTOR void scaleRow(const float* x, float inverse, const float* scale, float* RESTRICT y, int64_t n) {
  for (int64_t i = 0; i < n; i++) y[i] = x[i] * inverse * scale[i];
}

void norm(void* eps, TF_OpKernelContext* context) {
  Call call(context);
  const auto x = call.in(0), scale = call.in(1);
  const int64_t n = x.last();
  if (!call.require(scale.size == n, "UltraprepNorm: scale is not as long as a row")) return;
  float *y = call.out(0, x.shape), *inverse = call.out(1, columnOf(x.shape));
  if (call.failed()) return;
  inBlocks(x.rows(), n, [&](int64_t from, int64_t to, int64_t) {
    for (int64_t r = from; r < to; r++) {
      inverse[r] = 1.f / std::sqrt(dot(x.data + r * n, x.data + r * n, n) / n + *static_cast<float*>(eps));
      scaleRow(x.data + r * n, inverse[r], scale.data, y + r * n, n);
    }
  });
}

void normed(void*, TF_OpKernelContext* context) {
  Call call(context);
  const auto x = call.in(0), inverse = call.in(1), scale = call.in(2);
  const int64_t n = x.last();
  if (!call.require(scale.size == n && inverse.size == x.rows(), "UltraprepNormed: sizes differ")) return;
  float* y = call.out(0, x.shape);
  if (call.failed()) return;
  inBlocks(x.rows(), n, [&](int64_t from, int64_t to, int64_t) {
    for (int64_t r = from; r < to; r++) scaleRow(x.data + r * n, inverse.data[r], scale.data, y + r * n, n);
  });
}

VECTOR float dot3(const float* a, const float* b, const float* c, int64_t n) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i] * c[i];
  return sum;
}
// dx = inverse (dy scale - x inverse^2 mean(dy scale x)) + more; dScale += dy x inverse
VECTOR void normGradRow(const float* dy, const float* x, float inverse, float mean, const float* scale, const float* more,
                        float* RESTRICT dx, float* RESTRICT dScale, int64_t n) {
  const float back = mean * inverse * inverse;
  if (more) {
    for (int64_t i = 0; i < n; i++) dx[i] = inverse * (dy[i] * scale[i] - x[i] * back) + more[i];
  } else {
    for (int64_t i = 0; i < n; i++) dx[i] = inverse * (dy[i] * scale[i] - x[i] * back);
  }
  for (int64_t i = 0; i < n; i++) dScale[i] += dy[i] * x[i] * inverse;
}

void normGrad(void*, TF_OpKernelContext* context) {
  Call call(context);
  const auto dy = call.in(0), x = call.in(1), inverse = call.in(2), scale = call.in(3), more = call.in(4);
  const int64_t n = x.last();
  if (!call.require(dy.size == x.size && scale.size == n && inverse.size == x.rows() && (more.size == 0 || more.size == x.size),
               "UltraprepNormGrad: sizes differ"))
    return;
  float *dx = call.out(0, x.shape), *dScale = call.out(1, {n});
  if (call.failed()) return;
  std::vector<float> sums(blocksOf(x.rows(), n) * n, 0.f);
  inBlocks(x.rows(), n, [&](int64_t from, int64_t to, int64_t block) {
    for (int64_t r = from; r < to; r++) {
      const int64_t at = r * n;
      const float mean = dot3(dy.data + at, x.data + at, scale.data, n) / n;
      normGradRow(dy.data + at, x.data + at, inverse.data[r], mean, scale.data, more.size ? more.data + at : nullptr,
                  dx + at, sums.data() + block * n, n);
    }
  });
  std::fill(dScale, dScale + n, 0.f);
  for (size_t i = 0; i < sums.size(); i++) dScale[i % n] += sums[i];
}

// ---- SwiGLU

VECTOR void swigluPart(const float* gate, const float* up, float* RESTRICT inner, int64_t n) {
  for (int64_t i = 0; i < n; i++) inner[i] = gate[i] * sigmoid(gate[i]) * up[i];
}
VECTOR void swigluGradPart(const float* dInner, const float* gate, const float* up, float* RESTRICT inner,
                           float* RESTRICT dGate, float* RESTRICT dUp,
                           int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    const float s = sigmoid(gate[i]), silu = gate[i] * s;
    inner[i] = silu * up[i];
    dGate[i] = dInner[i] * up[i] * (s + silu * (1.f - s));
    dUp[i] = dInner[i] * silu;
  }
}

void swiglu(void*, TF_OpKernelContext* context) {
  Call call(context);
  const auto gate = call.in(0), up = call.in(1);
  if (!call.require(gate.size == up.size, "UltraprepSwiglu: sizes differ")) return;
  float* inner = call.out(0, gate.shape);
  if (call.failed()) return;
  inBlocks(gate.size, 1, [&](int64_t from, int64_t to, int64_t) {
    swigluPart(gate.data + from, up.data + from, inner + from, to - from);
  });
}

void swigluGrad(void*, TF_OpKernelContext* context) {
  Call call(context);
  const auto dInner = call.in(0), gate = call.in(1), up = call.in(2);
  if (!call.require(gate.size == up.size && gate.size == dInner.size, "UltraprepSwigluGrad: sizes differ")) return;
  float *inner = call.out(0, gate.shape), *dGate = call.out(1, gate.shape), *dUp = call.out(2, gate.shape);
  if (call.failed()) return;
  inBlocks(gate.size, 1, [&](int64_t from, int64_t to, int64_t) {
    swigluGradPart(dInner.data + from, gate.data + from, up.data + from, inner + from, dGate + from, dUp + from, to - from);
  });
}

// ---- Rotary embedding; `sign` -1 turns back.

VECTOR void rotateRow(const float* x, const float* cosine, const float* sine, float sign, float* RESTRICT y, int64_t half) {
  for (int64_t i = 0; i < half; i++) {
    const float a = x[i], b = x[i + half], s = sign * sine[i];
    y[i] = a * cosine[i] - b * s;
    y[i + half] = b * cosine[i] + a * s;
  }
}

// Rows of x in turn by the same row of the tables, [tokens, half a row]: a token's heads.
void rotate(void* sign, TF_OpKernelContext* context) {
  Call call(context);
  const auto x = call.in(0), cosine = call.in(1), sine = call.in(2);
  const int64_t n = x.last(), half = n / 2, tokens = cosine.rows();
  if (!call.require(n % 2 == 0 && cosine.last() == half && cosine.size == sine.size &&
                   (tokens == 0 ? x.rows() == 0 : x.rows() % tokens == 0),
               "UltraprepRotate: sizes differ"))
    return;
  float* y = call.out(0, x.shape);
  if (call.failed()) return;
  const int64_t heads = tokens == 0 ? 1 : x.rows() / tokens;
  inBlocks(x.rows(), n, [&](int64_t from, int64_t to, int64_t) {
    for (int64_t r = from; r < to; r++) {
      const int64_t at = r / heads * half;
      rotateRow(x.data + r * n, cosine.data + at, sine.data + at, *static_cast<float*>(sign), y + r * n, half);
    }
  });
}

// ---- Rows' products with one another: of attention's gradient (attention.ts)

void rowDots(void*, TF_OpKernelContext* context) {
  Call call(context);
  const auto a = call.in(0), b = call.in(1);
  const int64_t n = a.last();
  if (!call.require(a.size == b.size, "UltraprepRowDots: sizes differ")) return;
  float* sums = call.out(0, columnOf(a.shape));
  if (call.failed()) return;
  inBlocks(a.rows(), n, [&](int64_t from, int64_t to, int64_t) {
    for (int64_t r = from; r < to; r++) sums[r] = dot(a.data + r * n, b.data + r * n, n);
  });
}

const bool added = [] {
  add<norm>("UltraprepNorm", 2, 2, "eps: float", keepEps);
  add<normed>("UltraprepNormed", 3, 1);
  add<normGrad>("UltraprepNormGrad", 5, 2);
  add<swiglu>("UltraprepSwiglu", 2, 1);
  add<swigluGrad>("UltraprepSwigluGrad", 3, 3);
  add<rowDots>("UltraprepRowDots", 2, 1);
  add<rotate>("UltraprepRotate", 3, 1, "sign: float", keepSign);
  return true;
}();

}  // namespace
}  // namespace ultraprep
