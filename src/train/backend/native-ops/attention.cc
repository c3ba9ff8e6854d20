// Softmax and what its gradient needs (attention.ts, layers.ts).
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <vector>

#include "blocks.h"
#include "operation.h"
#include "vector.h"

namespace ultraprep {
namespace {

// ---- Softmax of rows, of scores + bias where there is one.

VECTOR void softmaxRow(const float* x, const float* bias, bool wide, float* RESTRICT y, int64_t n) {
  float most = -INFINITY;
  if (bias && wide) {
#pragma omp simd reduction(max : most)
    for (int64_t i = 0; i < n; i++) {
      y[i] = x[i] + bias[i];
      most = y[i] > most ? y[i] : most;
    }
  } else {
    const float all = bias ? *bias : 0.f;
#pragma omp simd reduction(max : most)
    for (int64_t i = 0; i < n; i++) {
      y[i] = x[i] + all;
      most = y[i] > most ? y[i] : most;
    }
  }
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; i++) {
    // Hidden keys are exactly 0, whatever is made of numbers as small as e^-87.
    const float below = y[i] - most;
    y[i] = below < -87.3f ? 0.f : exponential(below);
    sum += y[i];
  }
  const float scale = 1.f / sum;
  for (int64_t i = 0; i < n; i++) y[i] *= scale;
}

// Scores [.., n]; bias: [matrices or 1, rows or 1, n or 1], or nothing.
void softmax(void*, TF_OpKernelContext* context) {
  Call call(context);
  const auto x = call.in(0), bias = call.in(1);
  if (call.failed()) return;
  const int64_t n = x.last(), rows = x.shape.size() > 1 ? x.shape[x.shape.size() - 2] : 1;
  const auto& of = bias.shape;
  const bool some = bias.size > 0;
  if (!call.require(!some || (x.shape.size() == 3 && of.size() == 3 && (of[0] == 1 || of[0] == x.shape[0]) &&
                         (of[1] == 1 || of[1] == rows) && (of[2] == 1 || of[2] == n)),
               "UltraprepSoftmax: the bias does not fit the scores"))
    return;
  float* y = call.out(0, x.shape);
  if (call.failed()) return;
  inBlocks(x.rows(), n, [&](int64_t from, int64_t to, int64_t) {
    for (int64_t r = from; r < to; r++) {
      const float* its = nullptr;
      if (some) its = bias.data + ((of[0] == 1 ? 0 : r / rows) * of[1] + (of[1] == 1 ? 0 : r % rows)) * of[2];
      softmaxRow(x.data + r * n, its, some && of[2] == n && n > 1, y + r * n, n);
    }
  });
}

// ---- Attention: p (dp - delta)

VECTOR void scoresGradRow(const float* p, const float* dp, float delta, float* RESTRICT ds, int64_t n) {
  for (int64_t i = 0; i < n; i++) ds[i] = p[i] * (dp[i] - delta);
}

void scoresGrad(void*, TF_OpKernelContext* context) {
  Call call(context);
  const auto p = call.in(0), dp = call.in(1), delta = call.in(2);
  const int64_t n = p.last();
  if (!call.require(p.size == dp.size && delta.size == p.rows(), "UltraprepScoresGrad: sizes differ")) return;
  float* ds = call.out(0, p.shape);
  if (call.failed()) return;
  inBlocks(p.rows(), n, [&](int64_t from, int64_t to, int64_t) {
    for (int64_t r = from; r < to; r++) scoresGradRow(p.data + r * n, dp.data + r * n, delta.data[r], ds + r * n, n);
  });
}

// ---- Rows of x [rows, n] in the order of `which`, [...] -> [..., n]

void rowsOf(void*, TF_OpKernelContext* context) {
  Call call(context);
  const auto x = call.in(0), which = call.in(1);
  if (!call.require(which.integers != nullptr && x.shape.size() == 2, "UltraprepRows: rows of a matrix, by int32")) return;
  const int64_t n = x.last(), rows = x.shape[0];
  std::vector<int64_t> shape = which.shape;
  shape.push_back(n);
  float* y = call.out(0, shape);
  if (call.failed()) return;
  std::atomic<bool> fit{true};
  inBlocks(which.size, n, [&](int64_t from, int64_t to, int64_t) {
    for (int64_t i = from; i < to; i++) {
      const int64_t row = which.integers[i];
      if (row < 0 || row >= rows)
        fit = false;
      else
        std::copy_n(x.data + row * n, n, y + i * n);
    }
  });
  call.require(fit, "UltraprepRows: there is no such row");
}

const bool added = [] {
  add<softmax>("UltraprepSoftmax", 2, 1);
  add<rowsOf>("UltraprepRows", 1, 1, nullptr, nullptr, 1);
  add<scoresGrad>("UltraprepScoresGrad", 3, 1);
  return true;
}();

}  // namespace
}  // namespace ultraprep
