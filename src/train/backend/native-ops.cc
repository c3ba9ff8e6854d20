// Operations of the trainer that TensorFlow lacks, each one pass over its tensors where TensorFlow takes two to thirteen. `train setup`
// compiles them into TensorFlow.js's addon against the C interface of TensorFlow alone (tensorflow/c/ops.h, kernels.h), for the
// CPU and float32. What each computes is said where TypeScript has the same in TensorFlow.js's operations (src/train/model).
// Sums are made in blocks of rows whose size does not depend on threads: the same bits on any number of them.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_tensor.h"

// One copy for each level of vector instructions, picked when the library is loaded: the folder may be moved to another machine.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define VECTOR __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define VECTOR
#endif
#define INLINE static inline __attribute__((always_inline))

namespace {

// Threads that take blocks of a loop in turn with the caller. One that wakes late finds nothing left, and nobody waits for it.
class Pool {
 public:
  static Pool& shared() {
    static Pool* pool = new Pool();  // never destroyed: its threads run until the process ends
    return *pool;
  }

  void run(int64_t blocks, const std::function<void(int64_t)>& body) {
    if (blocks <= 1 || threads_ == 0) {
      for (int64_t i = 0; i < blocks; i++) body(i);
      return;
    }
    std::lock_guard<std::mutex> one(running_);
    auto work = std::make_shared<Work>(blocks, body);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      work_ = work;
      round_++;
    }
    wake_.notify_all();
    work->take();
    while (work->done.load(std::memory_order_acquire) < blocks) std::this_thread::yield();
  }

 private:
  struct Work {
    Work(int64_t blocks, std::function<void(int64_t)> body) : blocks(blocks), body(std::move(body)) {}
    void take() {
      for (int64_t i; (i = next.fetch_add(1)) < blocks;) {
        body(i);
        done.fetch_add(1, std::memory_order_release);
      }
    }
    const int64_t blocks;
    const std::function<void(int64_t)> body;
    std::atomic<int64_t> next{0}, done{0};
  };

  Pool() {
    const unsigned cores = std::thread::hardware_concurrency();
    threads_ = cores > 1 ? std::min(cores, 16u) - 1 : 0;
    for (unsigned i = 0; i < threads_; i++)
      std::thread([this] {
        for (uint64_t seen = 0;;) {
          std::shared_ptr<Work> work;
          {
            std::unique_lock<std::mutex> lock(mutex_);
            wake_.wait(lock, [&] { return round_ != seen; });
            seen = round_;
            work = work_;
          }
          work->take();
        }
      }).detach();
  }

  unsigned threads_;
  std::mutex running_, mutex_;
  std::condition_variable wake_;
  uint64_t round_ = 0;
  std::shared_ptr<Work> work_;
};

// Elements of a block: 60 us of work and more, where waking a thread takes 10 to 50.
constexpr int64_t BLOCK = 1 << 16;

// `body(from, to)` over [0, count) in blocks of about BLOCK elements of `each`.
template <typename Body>
void inBlocks(int64_t count, int64_t each, Body body) {
  const int64_t rows = std::max<int64_t>(1, BLOCK / std::max<int64_t>(1, each));
  Pool::shared().run((count + rows - 1) / rows,
                     [&](int64_t i) { body(i * rows, std::min(count, (i + 1) * rows), i); });
}
int64_t blocksOf(int64_t count, int64_t each) {
  const int64_t rows = std::max<int64_t>(1, BLOCK / std::max<int64_t>(1, each));
  return (count + rows - 1) / rows;
}

// Inputs and outputs of a call. A wrong size fails the operation, which TensorFlow.js throws.
class Call {
 public:
  explicit Call(TF_OpKernelContext* context) : context_(context), status_(TF_NewStatus()) {}
  ~Call() {
    for (TF_Tensor* tensor : held_) TF_DeleteTensor(tensor);
    TF_DeleteStatus(status_);
  }

  struct In {
    const float* data = nullptr;
    std::vector<int64_t> shape;
    int64_t size = 0;
    int64_t last() const { return shape.empty() ? 1 : shape.back(); }
    int64_t rows() const { return last() == 0 ? 0 : size / last(); }
  };

  In in(int index) {
    In found;
    TF_Tensor* tensor = nullptr;
    TF_GetInput(context_, index, &tensor, status_);
    if (!fine()) return found;
    held_.push_back(tensor);
    found.data = static_cast<const float*>(TF_TensorData(tensor));
    for (int i = 0; i < TF_NumDims(tensor); i++) found.shape.push_back(TF_Dim(tensor, i));
    found.size = TF_TensorElementCount(tensor);
    return found;
  }

  float* out(int index, const std::vector<int64_t>& shape) {
    int64_t size = 1;
    for (int64_t each : shape) size *= each;
    TF_Tensor* tensor = TF_AllocateOutput(context_, index, TF_FLOAT, shape.data(), static_cast<int>(shape.size()),
                                          size * sizeof(float), status_);
    if (!fine()) return nullptr;
    held_.push_back(tensor);
    return static_cast<float*>(TF_TensorData(tensor));
  }

  bool is(bool right, const char* what) {
    if (!right && !failed_) {
      TF_SetStatus(status_, TF_INVALID_ARGUMENT, what);
      fine();
    }
    return right && !failed_;
  }
  bool failed() const { return failed_; }

 private:
  bool fine() {
    if (TF_GetCode(status_) == TF_OK) return true;
    if (!failed_) TF_OpKernelContext_Failure(context_, status_);
    failed_ = true;
    return false;
  }

  TF_OpKernelContext* context_;
  TF_Status* status_;
  std::vector<TF_Tensor*> held_;
  bool failed_ = false;
};

std::vector<int64_t> columnOf(std::vector<int64_t> shape) {
  if (!shape.empty()) shape.back() = 1;
  return shape;
}

// e^x to 2 units in the last place (Cephes' polynomial): written so that compilers vectorize it. NaN stays NaN.
INLINE float exponential(float x) {
  x = x < -87.3f ? -87.3f : x;
  x = x > 88.3f ? 88.3f : x;
  const float shifted = x * 1.44269504f + 12582912.f;
  int32_t bits;
  std::memcpy(&bits, &shifted, 4);
  const float n = shifted - 12582912.f;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.f;
  const int32_t power = (bits - 0x4b400000 + 127) << 23;
  float scale;
  std::memcpy(&scale, &power, 4);
  return p * scale;
}
INLINE float sigmoid(float x) { return 1.f / (1.f + exponential(-x)); }

VECTOR float dot(const float* a, const float* b, int64_t n) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

// ---- RMSNorm

VECTOR void scaleRow(const float* x, float inverse, const float* scale, float* y, int64_t n) {
  for (int64_t i = 0; i < n; i++) y[i] = x[i] * inverse * scale[i];
}

void norm(void* eps, TF_OpKernelContext* context) {
  Call call(context);
  const auto x = call.in(0), scale = call.in(1);
  const int64_t n = x.last();
  if (!call.is(scale.size == n, "UltraprepNorm: scale is not as long as a row")) return;
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
  if (!call.is(scale.size == n && inverse.size == x.rows(), "UltraprepNormed: sizes differ")) return;
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
                        float* dx, float* dScale, int64_t n) {
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
  if (!call.is(dy.size == x.size && scale.size == n && inverse.size == x.rows() && (more.size == 0 || more.size == x.size),
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

VECTOR void swigluPart(const float* gate, const float* up, float* inner, int64_t n) {
  for (int64_t i = 0; i < n; i++) inner[i] = gate[i] * sigmoid(gate[i]) * up[i];
}
VECTOR void swigluGradPart(const float* dInner, const float* gate, const float* up, float* inner, float* dGate, float* dUp,
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
  if (!call.is(gate.size == up.size, "UltraprepSwiglu: sizes differ")) return;
  float* inner = call.out(0, gate.shape);
  if (call.failed()) return;
  inBlocks(gate.size, 1, [&](int64_t from, int64_t to, int64_t) {
    swigluPart(gate.data + from, up.data + from, inner + from, to - from);
  });
}

void swigluGrad(void*, TF_OpKernelContext* context) {
  Call call(context);
  const auto dInner = call.in(0), gate = call.in(1), up = call.in(2);
  if (!call.is(gate.size == up.size && gate.size == dInner.size, "UltraprepSwigluGrad: sizes differ")) return;
  float *inner = call.out(0, gate.shape), *dGate = call.out(1, gate.shape), *dUp = call.out(2, gate.shape);
  if (call.failed()) return;
  inBlocks(gate.size, 1, [&](int64_t from, int64_t to, int64_t) {
    swigluGradPart(dInner.data + from, gate.data + from, up.data + from, inner + from, dGate + from, dUp + from, to - from);
  });
}

// ---- Rotary embedding; `sign` -1 turns back.

VECTOR void rotateRow(const float* x, const float* cosine, const float* sine, float sign, float* y, int64_t half) {
  for (int64_t i = 0; i < half; i++) {
    const float a = x[i], b = x[i + half], s = sign * sine[i];
    y[i] = a * cosine[i] - b * s;
    y[i + half] = b * cosine[i] + a * s;
  }
}

void rotate(void* sign, TF_OpKernelContext* context) {
  Call call(context);
  const auto x = call.in(0), cosine = call.in(1), sine = call.in(2);
  const int64_t n = x.last();
  if (!call.is(x.size == cosine.size && x.size == sine.size && n % 2 == 0, "UltraprepRotate: sizes differ")) return;
  float* y = call.out(0, x.shape);
  if (call.failed()) return;
  inBlocks(x.rows(), n, [&](int64_t from, int64_t to, int64_t) {
    for (int64_t at = from * n; at < to * n; at += n)
      rotateRow(x.data + at, cosine.data + at, sine.data + at, *static_cast<float*>(sign), y + at, n / 2);
  });
}

// ---- Softmax of rows, of scores + bias where there is one.

VECTOR void softmaxRow(const float* x, const float* bias, bool wide, float* y, int64_t n) {
  float most = -3.4e38f;
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
    y[i] = exponential(y[i] - most);
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
  if (!call.is(!some || (x.shape.size() == 3 && of.size() == 3 && (of[0] == 1 || of[0] == x.shape[0]) &&
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

// ---- Attention: p (dp - delta), and the rows' products with one another that delta is.

VECTOR void scoresGradRow(const float* p, const float* dp, float delta, float* ds, int64_t n) {
  for (int64_t i = 0; i < n; i++) ds[i] = p[i] * (dp[i] - delta);
}

void scoresGrad(void*, TF_OpKernelContext* context) {
  Call call(context);
  const auto p = call.in(0), dp = call.in(1), delta = call.in(2);
  const int64_t n = p.last();
  if (!call.is(p.size == dp.size && delta.size == p.rows(), "UltraprepScoresGrad: sizes differ")) return;
  float* ds = call.out(0, p.shape);
  if (call.failed()) return;
  inBlocks(p.rows(), n, [&](int64_t from, int64_t to, int64_t) {
    for (int64_t r = from; r < to; r++) scoresGradRow(p.data + r * n, dp.data + r * n, delta.data[r], ds + r * n, n);
  });
}

void rowDots(void*, TF_OpKernelContext* context) {
  Call call(context);
  const auto a = call.in(0), b = call.in(1);
  const int64_t n = a.last();
  if (!call.is(a.size == b.size, "UltraprepRowDots: sizes differ")) return;
  float* sums = call.out(0, columnOf(a.shape));
  if (call.failed()) return;
  inBlocks(a.rows(), n, [&](int64_t from, int64_t to, int64_t) {
    for (int64_t r = from; r < to; r++) sums[r] = dot(a.data + r * n, b.data + r * n, n);
  });
}

// ---- AdamW. `settings`: beta1, 1 - beta1, beta2, 1 - beta2 (with the clipping in both), eps, rate, what is kept of the weight.

VECTOR void adamwPart(const float* w, const float* m, const float* v, const float* g, const float* settings, float* nextW,
                      float* nextM, float* nextV, int64_t n) {
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
  if (!call.is(w.size == m.size && w.size == v.size && w.size == g.size && settings.size == 7, "UltraprepAdamW: sizes differ"))
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

// ---- Registration, when the addon is loaded

using Compute = void (*)(void*, TF_OpKernelContext*);

// A kernel with one float attribute has it as its state.
void* keepAttribute(TF_OpKernelConstruction* construction, const char* name) {
  TF_Status* status = TF_NewStatus();
  float* value = new float(0);
  TF_OpKernelConstruction_GetAttrFloat(construction, name, value, status);
  if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
  TF_DeleteStatus(status);
  return value;
}
void* keepEps(TF_OpKernelConstruction* construction) { return keepAttribute(construction, "eps"); }
void* keepSign(TF_OpKernelConstruction* construction) { return keepAttribute(construction, "sign"); }
void dropAttribute(void* kept) { delete static_cast<float*>(kept); }

void unknownShape(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
}

void add(const char* name, int inputs, int outputs, Compute compute, const char* attribute = nullptr,
         void* (*create)(TF_OpKernelConstruction*) = nullptr) {
  TF_Status* status = TF_NewStatus();
  TF_OpDefinitionBuilder* op = TF_NewOpDefinitionBuilder(name);
  for (int i = 0; i < inputs; i++) TF_OpDefinitionBuilderAddInput(op, ("in" + std::to_string(i) + ": float").c_str());
  for (int i = 0; i < outputs; i++) TF_OpDefinitionBuilderAddOutput(op, ("out" + std::to_string(i) + ": float").c_str());
  if (attribute) TF_OpDefinitionBuilderAddAttr(op, attribute);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(op, unknownShape);
  TF_RegisterOpDefinition(op, status);
  if (TF_GetCode(status) == TF_OK)
    TF_RegisterKernelBuilder(name, TF_NewKernelBuilder(name, "CPU", create, compute, create ? dropAttribute : nullptr),
                             status);
  TF_DeleteStatus(status);
}

const bool added = [] {
  add("UltraprepNorm", 2, 2, norm, "eps: float", keepEps);
  add("UltraprepNormed", 3, 1, normed);
  add("UltraprepNormGrad", 5, 2, normGrad);
  add("UltraprepSwiglu", 2, 1, swiglu);
  add("UltraprepSwigluGrad", 3, 3, swigluGrad);
  add("UltraprepRotate", 3, 1, rotate, "sign: float", keepSign);
  add("UltraprepSoftmax", 2, 1, softmax);
  add("UltraprepScoresGrad", 3, 1, scoresGrad);
  add("UltraprepRowDots", 2, 1, rowDots);
  add("UltraprepAdamW", 5, 3, adamw);
  add("UltraprepSumOfSquares", 1, 1, sumOfSquares);
  return true;
}();

}  // namespace
