// The Box-Muller transform of `firstdraw.draws.gaussian`, bit for bit: the same correctly rounded operations in the
// same order, many at a time. A multiplication and an addition must not become one here: compile with
// -ffp-contract=off.
#pragma once

#include "counter.hpp"

namespace firstdraw {
namespace {

// sqrt(x), correctly rounded.
template <int B>
FIRSTDRAW_INLINE typename Simd<double, B>::Vector rounded_root(typename Simd<double, B>::Vector x) {
  using V = typename Simd<double, B>::Vector;
#if defined(__x86_64__)
  if constexpr (B == 16) return V(_mm_sqrt_pd(x));
#if defined(__AVX2__)
  if constexpr (B == 32) return V(_mm256_sqrt_pd(x));
#endif
#if defined(__AVX512F__)
  if constexpr (B == 64) return V(_mm512_sqrt_pd(x));
#endif
#endif
  V root;
  for (int lane = 0; lane < Simd<double, B>::lanes; ++lane) root[lane] = __builtin_sqrt(x[lane]);
  return root;
}

inline constexpr double logarithm_terms[] = {2.0,        2.0 / 3.0,  2.0 / 5.0,  2.0 / 7.0,  2.0 / 9.0, 2.0 / 11.0,
                                             2.0 / 13.0, 2.0 / 15.0, 2.0 / 17.0, 2.0 / 19.0, 2.0 / 21.0};
inline constexpr double sine_terms[] = {1.0,
                                        -1.0 / 6.0,
                                        1.0 / 120.0,
                                        -1.0 / 5040.0,
                                        1.0 / 362880.0,
                                        -1.0 / 39916800.0,
                                        1.0 / 6227020800.0,
                                        -1.0 / 1307674368000.0,
                                        1.0 / 355687428096000.0};
inline constexpr double cosine_terms[] = {1.0,
                                          -1.0 / 2.0,
                                          1.0 / 24.0,
                                          -1.0 / 720.0,
                                          1.0 / 40320.0,
                                          -1.0 / 3628800.0,
                                          1.0 / 479001600.0,
                                          -1.0 / 87178291200.0,
                                          1.0 / 20922789888000.0};

// The normal draws of N vectors of blocks. In integers where that is exact: the pairs' upper 53 bits are 2^53 (1 - u)
// and 2^53 v.
template <int B, int N>
FIRSTDRAW_INLINE void box_muller(const Pairs<B> (&pairs)[N], typename Simd<double, B>::Vector (&z0)[N],
                                 typename Simd<double, B>::Vector (&z1)[N]) {
  using S = Simd<double, B>;
  using V = typename S::Vector;
  using L = Lanes<B>;
  constexpr std::uint64_t root_half = 0x3FE6A09E667F3BCD;  // the bits of sqrt(1/2)
  constexpr std::uint64_t fraction = (std::uint64_t(1) << 52) - 1, mid = 0x4330000000000000;  // the bits of 2^52
  V e[N], s[N], ss[N], x[N], xx[N];
  L quarter[N];
#pragma GCC unroll 8
  for (int n = 0; n < N; ++n) {
    // 2^53 u = 2^e m with m in [sqrt(1/2), sqrt(2)): taking the bits of sqrt(1/2) off leaves e above the fraction.
    const L above = L(exactly<B>((~pairs[n].first >> 11) + 1)) - root_half;
    e[n] = V((above >> 52) | mid) - (0x1p52 + 53.0);
    const V m = V((above & fraction) + root_half);
    s[n] = (m - 1.0) / (m + 1.0);
    ss[n] = s[n] * s[n];
    // 2^53 v = 2^51 k + (what is left, from -2^50 to 2^50): k is the nearest quarter turn.
    const L turned = pairs[n].second + (std::uint64_t(1) << 61);
    quarter[n] = turned >> 62;
    x[n] = (V(((turned >> 11) & (fraction >> 1)) | mid) - (0x1p52 + 0x1p50)) * (0x1.921fb54442d18p+1 * 0x1p-52);
    xx[n] = x[n] * x[n];
  }
  V logarithm[N], sine[N], cosine[N];
  for (int n = 0; n < N; ++n) {
    logarithm[n] = S::broadcast(logarithm_terms[10]);
    sine[n] = S::broadcast(sine_terms[8]);
    cosine[n] = S::broadcast(cosine_terms[8]);
  }
#pragma GCC unroll 16
  for (int k = 9; k >= 0; --k)
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) {
      logarithm[n] = logarithm[n] * ss[n] + logarithm_terms[k];
      if (k < 8) sine[n] = sine[n] * xx[n] + sine_terms[k];
      if (k < 8) cosine[n] = cosine[n] * xx[n] + cosine_terms[k];
    }
#pragma GCC unroll 8
  for (int n = 0; n < N; ++n) {
    const V lower = e[n] * 0x1.a39ef35793c76p-33 + s[n] * logarithm[n];
    const V radius = rounded_root<B>(-2.0 * (e[n] * 0x1.62e42fee00000p-1 + lower));
    sine[n] = x[n] * sine[n];
    const L exchanged = (L(sine[n]) ^ L(cosine[n])) & (L{} - (quarter[n] & 1));
    z0[n] = radius * V(L(cosine[n]) ^ exchanged ^ ((quarter[n] + 1) << 62 & std::uint64_t(1) << 63));
    z1[n] = radius * V(L(sine[n]) ^ exchanged ^ (quarter[n] << 62 & std::uint64_t(1) << 63));
  }
}

}  // namespace
}  // namespace firstdraw
