// The normal distribution: Phi(-a) = e^(-a^2/2) N(a) / D(a), and erf a = 1 - e^(-a (2 / sqrt(pi) + g(a))).
#pragma once

#include "exponential.hpp"

namespace firstdraw {
namespace {

template <class T> struct Normal;

template <> struct Normal<double> {
  static constexpr double far = 38.7, erf_one = 5.95;                  // Phi(-far) = 0, erf(erf_one) = 1
  static constexpr std::int64_t high_bits = -(std::int64_t(1) << 27);  // a mask: 26 bits, whose square is exact
  static constexpr double density = 0x1.9884533d43651p-2;              // 1 / sqrt(2 pi)
  static constexpr double numerator[] = {  // the quotient fits to 2^-54.1
      0x1p-1,                0x1.8ca43a8ace82ap-1,  0x1.3004090495119p-1,  0x1.28152971c64a7p-2,
      0x1.8fd42769e2db2p-4,  0x1.829af332dce11p-6,  0x1.0ba312f26291dp-8,  0x1.00b426b6a4659p-11,
      0x1.37e8151d2b01p-15,  0x1.731cbc8d62b07p-20};
  static constexpr double denominator[] = {
      1,                     0x1.2c733214b8192p1,   0x1.47bb76f656a55p1,   0x1.b6a99d55d88ap0,
      0x1.90211ab5fdf0cp-1,  0x1.04d8ce3e8dc2cp-2,  0x1.ee88fff7fe266p-5,  0x1.527cbe9f10446p-7,
      0x1.42a38aa05871p-10,  0x1.86eabb08c842p-14,  0x1.d11ec7874dbc1p-19};
  static constexpr double slope = 0x1.20dd750429b6dp0;  // 2 / sqrt(pi), and g[0] is what its rounding lost
  static constexpr double g[] = {  // fits erf to 2^-57.5
      0x1.1ae3a914fed8p-56,   0x1.45f306dc9c897p-1,   0x1.a4f4e2a1b2072p-4,   -0x1.39668593d78e7p-6,
      -0x1.b6b68bf019c0ep-13, 0x1.bca67bd2d17b1p-10,  -0x1.35654faeec6dp-11,  0x1.b22bcc5485361p-16,
      0x1.0e7f94c950433p-14,  -0x1.f2af94e768c4bp-16, 0x1.c94de710ab267p-19,  0x1.7c8a3440941a4p-19,
      -0x1.d385276ea1bbfp-20, 0x1.6940f32bbcd5ap-22,  0x1.267d3506f77bep-23,  -0x1.30607e5be9eb7p-23,
      0x1.1a4754bfb7744p-24,  -0x1.6813d9c286681p-26, 0x1.57613a043dac5p-28,  -0x1.f3346d44827eap-31,
      0x1.12784316de646p-33,  -0x1.bb9b08719e785p-37, 0x1.f1d5246efc084p-41,  -0x1.5ab9f5b65d1b7p-45,
      0x1.c378a59a8de7ep-51};
};

template <> struct Normal<float> {
  static constexpr float far = 14.6f, erf_one = 3.95f;
  static constexpr std::int32_t high_bits = -(1 << 12);  // 12 bits
  static constexpr float density = 0x1.988454p-2f;
  static constexpr float numerator[] = {0x1p-1f, 0x1.c0fa56p-2f, 0x1.7782a4p-3f, 0x1.4d3336p-5f, 0x1.0e2b0cp-8f};
  static constexpr float denominator[] = {  // the quotient fits to 2^-27.3
      1,              0x1.acbf5cp0f,  0x1.33f7a4p0f,  0x1.e10fb4p-2f, 0x1.a1a168p-4f, 0x1.529a08p-7f};
  static constexpr float slope = 0x1.20dd76p0f;
  static constexpr float g[] = {  // erf to 2^-27.9
      -0x1.f7ac92p-25f, 0x1.45f2fap-1f,   0x1.a4fa5ep-4f,   -0x1.39cdccp-6f,  -0x1.50564ap-13f, 0x1.b4febcp-10f,
      -0x1.4bc7eap-11f, 0x1.ed677cp-14f,  -0x1.36923p-17f};
};

// Phi(x) and its density e^(-x^2/2) / sqrt(2 pi). x^2 = h^2 + (|x| - h) (|x| + h), with h the high bits of |x|, so
// that the tail keeps its relative accuracy.
// Phi: 4.19 / 4.24 ulp with FMA, 5.39 / 3.90 without; the density: 2.00 / 1.98 ulp.
template <class T, int B>
FIRSTDRAW_INLINE void normal_pair(typename Simd<T, B>::Vector x, typename Simd<T, B>::Vector* distribution,
                                  typename Simd<T, B>::Vector* density) {
  using S = Simd<T, B>;
  using C = Normal<T>;
  const auto a = at_most<T, B>(absolute<T, B>(x), C::far);
  const auto h = S::from_bits(S::bits(a) & C::high_bits);
  const ReducedExponent<T, B> e(h * h * T(-0.5), Format<T>::bias + 64, (a - h) * (a + h) * T(0.5));
  const auto quotient = polynomial<T, B>(a, C::numerator) / polynomial<T, B>(a, C::denominator);
  const auto power = e.power(), minus_one = e.minus_one();
  const auto tail = power * (quotient + quotient * minus_one) * T(0x1p-64);
  *distribution = x > 0 ? 1 - tail : tail;
  *density = (power + power * minus_one) * (C::density * T(0x1p-64));
}

// Phi(x) alone, as above.
template <class T, int B>
FIRSTDRAW_INLINE typename Simd<T, B>::Vector normal_distribution(typename Simd<T, B>::Vector x) {
  typename Simd<T, B>::Vector distribution, density;
  normal_pair<T, B>(x, &distribution, &density);
  return distribution;
}

// erf x = -(e^y - 1) with y = -|x| (2 / sqrt(pi) + g(|x|)). 1.66 / 1.80 ulp.
template <class T, int B>
FIRSTDRAW_INLINE typename Simd<T, B>::Vector error_function(typename Simd<T, B>::Vector x) {
  const auto a = at_most<T, B>(absolute<T, B>(x), Normal<T>::erf_one);
  const ReducedExponent<T, B> e(-a * Normal<T>::slope - a * polynomial<T, B>(a, Normal<T>::g), Format<T>::bias);
  const auto power = e.power();
  return with_sign<T, B>((1 - power) - power * e.high - power * e.curve(), x);
}

}  // namespace
}  // namespace firstdraw
