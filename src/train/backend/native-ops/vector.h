// Loops that compilers turn into vector instructions.
#pragma once
#include <cstdint>
#include <cstring>

// One copy for each level of vector instructions, picked when the library is loaded: the folder may be moved to another machine. GCC has
// names for these levels from 12 on, and only glibc picks.
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
#define VECTOR __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define VECTOR
#endif
// Nothing else is read or written there: with more than ten pairs of pointers to check, GCC gives up on vectors.
#define RESTRICT __restrict__
#define INLINE static inline __attribute__((always_inline))

namespace ultraprep {

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

}  // namespace ultraprep
