// AdamW and the gradients' norm (optimizer.ts, gradient-norm.ts).
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "blocks.h"
#include "operation.h"
#include "vector.h"

namespace ultraprep {
namespace {

// ---- AdamW. `settings`: beta1, 1 - beta1, beta2, 1 - beta2 (with the clipping in both), eps, rate, what is kept of the weight.

VECTOR void adamwPart(const float* w, const float* m, const float* v, const float* g, const float* settings, float* RESTRICT nextW,
                      float* RESTRICT nextM, float* RESTRICT nextV, int64_t n) {
  const float keptM = settings[0], newM = settings[1], keptV = settings[2], newV = settings[3];
  const float eps = settings[4], rate = settings[5], kept = settings[6];
  for (int64_t i = 0; i < n; i++) {
    const float first = m[i] * keptM + g[i] * newM;
    const float second = v[i] * keptV + g[i] * g[i] * newV;
    nextM[i] = first;
    nextV[i] = second;
    nextW[i] = w[i] * kept - first / (std::sqrt(second) + eps) * rate;
  }
}

void adamw(void*, TF_OpKernelContext* context) {
  Call call(context);
  const auto w = call.in(0), m = call.in(1), v = call.in(2), g = call.in(3), settings = call.in(4);
  if (!call.require(w.size == m.size && w.size == v.size && w.size == g.size && settings.size == 7, "UltraprepAdamW: sizes differ"))
    return;
  float *nextW = call.out(0, w.shape), *nextM = call.out(1, w.shape), *nextV = call.out(2, w.shape);
  if (call.failed()) return;
  inBlocks(w.size, 1, [&](int64_t from, int64_t to, int64_t) {
    adamwPart(w.data + from, m.data + from, v.data + from, g.data + from, settings.data, nextW + from, nextM + from,
              nextV + from, to - from);
  });
}

VECTOR double squares(const float* x, int64_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; i++) sum += static_cast<double>(x[i]) * x[i];
  return sum;
}

void sumOfSquares(void*, TF_OpKernelContext* context) {
  Call call(context);
  const auto x = call.in(0);
  float* sum = call.out(0, {});
  if (call.failed()) return;
  std::vector<double> sums(blocksOf(x.size, 1), 0.);
  inBlocks(x.size, 1, [&](int64_t from, int64_t to, int64_t block) { sums[block] = squares(x.data + from, to - from); });
  double all = 0;
  for (double each : sums) all += each;
  *sum = static_cast<float>(all);
}

const bool added = [] {
  add<adamw>("UltraprepAdamW", 5, 3);
  add<sumOfSquares>("UltraprepSumOfSquares", 1, 1);
  return true;
}();

}  // namespace
}  // namespace ultraprep
