// Logarithms: log(1 + f) = f - s (f - z p(z)) with s = f / (2 + f), z = s^2: s enters only a small correction.
#pragma once

#include "exponential.hpp"

namespace firstdraw {
namespace {

template <class T> struct Logarithm;

template <> struct Logarithm<double> {
  static constexpr double p[] = {  // fits log(1 + f) to 2^-59.4 for 0 <= f <= 1
      0x1.5555555555535p-1, 0x1.99999999a085cp-2, 0x1.2492492084817p-2, 0x1.c71c74200b14p-3,  0x1.745cb3893076fp-3,
      0x1.3b1de4b65215fp-3, 0x1.10675359720ebp-3, 0x1.efdedc6cfff17p-4, 0x1.5596467b3fea5p-4, 0x1.5c900fe9b0f05p-3};
};

template <> struct Logarithm<float> {
  static constexpr float p[] = {0x1.5555p-1f, 0x1.99d28p-2f, 0x1.1eb5bcp-2f, 0x1.1efa38p-2f};  // to 2^-27.7
};

// log(1 + f) for 0 <= f <= 1.
template <class T, int B>
FIRSTDRAW_INLINE typename Simd<T, B>::Vector logarithm_1p_unit(typename Simd<T, B>::Vector f) {
  const auto s = f / (2 + f), z = s * s;
  return f - s * (f - z * polynomial<T, B>(z, Logarithm<T>::p));
}

// log(1 + u) = k ln 2 + log(1 + f), 1 + u = 2^k (1 + f), for u >= 0 (for -1 < u < 0 only as accurate as 1 + u).
// 1.13 / 1.19 ulp.
template <class T, int B>
FIRSTDRAW_INLINE typename Simd<T, B>::Vector logarithm_1p(typename Simd<T, B>::Vector u) {
  using S = Simd<T, B>;
  using F = Format<T>;
  typedef typename F::Natural Naturals __attribute__((vector_size(B)));
  const auto infinity = S::broadcast(T(__builtin_inf())), shift = S::broadcast(F::round / T(1.5));
  const auto w = S::bits(1 + u);
  const auto scale = S::from_bits(~w & S::bits(infinity));  // 2^(1 - k), from the exponent's complement
  const auto exponent = reinterpret_cast<typename S::Mask>(reinterpret_cast<Naturals>(w) >> F::fraction);
  const auto k = S::from_bits(exponent | S::bits(shift)) - (F::round / T(1.5) + F::bias);
  const auto f = u * scale * T(0.5) + (scale * T(0.5) - 1);  // exact
  const auto value = k * Exponential<T>::ln2_high + (k * Exponential<T>::ln2_low + logarithm_1p_unit<T, B>(f));
  return u < infinity ? value : u;
}

// softplus x = log(1 + e^x) = max(x, 0) + log(1 + e^-|x|). 1.57 / 1.74 ulp.
template <class T, int B>
FIRSTDRAW_INLINE typename Simd<T, B>::Vector softplus(typename Simd<T, B>::Vector x) {
  const auto e = exponential_nonpositive<T, B>(minus_absolute<T, B>(x));
  return (x > 0 ? x : Simd<T, B>::broadcast(0)) + logarithm_1p_unit<T, B>(e);
}

// softplus x and its derivative, sigmoid x. 1.68 / 1.74 and 1.81 / 2.09 ulp.
template <class T, int B>
FIRSTDRAW_INLINE void softplus_pair(typename Simd<T, B>::Vector x, typename Simd<T, B>::Vector* value,
                                    typename Simd<T, B>::Vector* slope) {
  const auto zero = Simd<T, B>::broadcast(0), one = Simd<T, B>::broadcast(1);
  const auto e = exponential_nonpositive<T, B>(minus_absolute<T, B>(x));
  *value = (x > 0 ? x : zero) + logarithm_1p_unit<T, B>(e);
  *slope = (x < 0 ? e : one) / (1 + e);
}

}  // namespace
}  // namespace firstdraw
