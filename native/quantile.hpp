// The quantiles of `firstdraw.draws.quantile`, bit for bit: the same correctly rounded operations in the same order.
// A multiplication and an addition must not become one here: compile with -ffp-contract=off.
#pragma once

#include "draws.hpp"
#include "gaussian.hpp"

namespace firstdraw {
namespace {

// The coefficients of r^0 to r^7 above and below the fraction.
struct Ratio {
  double above[8], below[8];
};

inline constexpr Ratio near_ratio = {
    {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3},
    {1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
     3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3}};
inline constexpr Ratio middle_ratio = {
    {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4},
    {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1, 1.48103976427480074590e-1,
     1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9}};
inline constexpr Ratio far_ratio = {
    {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7},
    {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2, 7.86869131145613259100e-4,
     1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15}};

// No quantile of a mass above it lies farther out than the middle: sqrt(-ln p) > 5 begins below 1.3888e-11.
inline constexpr double mass_within_middle = 1.4e-11;

// ln p of N vectors of positive normal numbers.
template <int B, int N>
FIRSTDRAW_INLINE void logarithms(const typename Simd<double, B>::Vector (&p)[N],
                                 typename Simd<double, B>::Vector (&result)[N]) {
  using S = Simd<double, B>;
  using V = typename S::Vector;
  using L = Lanes<B>;
  constexpr std::uint64_t root_half = 0x3FE6A09E667F3BCD;  // the bits of sqrt(1/2)
  constexpr std::uint64_t fraction = (std::uint64_t(1) << 52) - 1, mid = 0x4330000000000000;  // the bits of 2^52
  constexpr std::uint64_t bias = std::uint64_t(1024) << 52;  // keeps the exponent's field from falling below 0
  V e[N], s[N], ss[N], sum[N];
#pragma GCC unroll 8
  for (int n = 0; n < N; ++n) {
    const L above = L(p[n]) + (bias - root_half);
    e[n] = V((above >> 52) | mid) - (0x1p52 + 1024.0);
    const V m = V((above & fraction) + root_half);
    s[n] = (m - 1.0) / (m + 1.0);
    ss[n] = s[n] * s[n];
    sum[n] = S::broadcast(logarithm_terms[10]);
  }
#pragma GCC unroll 16
  for (int k = 9; k >= 0; --k)
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) sum[n] = sum[n] * ss[n] + logarithm_terms[k];
#pragma GCC unroll 8
  for (int n = 0; n < N; ++n)
    result[n] = e[n] * 0x1.62e42fee00000p-1 + (e[n] * 0x1.a39ef35793c76p-33 + s[n] * sum[n]);
}

// Turns N vectors of uniform numbers into draws from N(0, 1) given that they lie within the cut.
template <int B, int N, bool reaches_far>
FIRSTDRAW_INLINE void truncated_normals(const Stream& stream, typename Simd<double, B>::Vector (&u)[N]) {
  using S = Simd<double, B>;
  using V = typename S::Vector;
  using M = typename S::Mask;
  constexpr std::int64_t magnitude = 0x7FFFFFFFFFFFFFFF;
  V q[N], p[N], logarithm[N], r[N], above[N], below[N];
  M near[N], far[N];
#pragma GCC unroll 8
  for (int n = 0; n < N; ++n) {
    q[n] = S::from_bits(S::bits(u[n] - 0.5) & magnitude) * stream.within;
    p[n] = S::at_least(S::broadcast(0x1p-54), S::at_most(u[n], 1.0 - u[n])) * stream.within + stream.beyond;
    near[n] = q[n] <= 0.425;
  }
  logarithms<B, N>(p, logarithm);
#pragma GCC unroll 8
  for (int n = 0; n < N; ++n) {
    const V root = rounded_root<B>(-logarithm[n]);
    V center = S::broadcast(1.6);
    if constexpr (reaches_far) {
      far[n] = root > 5.0;
      center = S::select(far[n], S::broadcast(5.0), center);
    }
    r[n] = S::select(near[n], 0.180625 - q[n] * q[n], root - center);
    above[n] = below[n] = V{};
  }
  const auto coefficient = [&](int n, double of_near, double of_middle, double of_far) FIRSTDRAW_LAMBDA {
    V outside = S::broadcast(of_middle);
    if constexpr (reaches_far) outside = S::select(far[n], S::broadcast(of_far), outside);
    return S::select(near[n], S::broadcast(of_near), outside);
  };
#pragma GCC unroll 8
  for (int k = 7; k >= 0; --k)
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) {
      above[n] = above[n] * r[n] + coefficient(n, near_ratio.above[k], middle_ratio.above[k], far_ratio.above[k]);
      below[n] = below[n] * r[n] + coefficient(n, near_ratio.below[k], middle_ratio.below[k], far_ratio.below[k]);
    }
#pragma GCC unroll 8
  for (int n = 0; n < N; ++n) {
    const V x = S::select(near[n], q[n] * above[n], above[n]) / below[n];
    const V within = S::at_most(S::broadcast(stream.cut), x);
    u[n] = S::select(u[n] < 0.5, -within, within);
  }
}

}  // namespace
}  // namespace firstdraw
