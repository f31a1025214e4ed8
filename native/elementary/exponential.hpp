// Exponentials: x = n ln 2 + r with |r| <= ln(2)/2, e^x = 2^n e^r, e^r = 1 + r + r^2 q(r).
#pragma once

#include "parts.hpp"

namespace firstdraw {
namespace {

template <class T> struct Exponential;

template <> struct Exponential<double> {
  static constexpr double per_ln2 = 0x1.71547652b82fep0;                                   // 1 / ln 2
  static constexpr double ln2_high = 0x1.62e42fefa4p-1, ln2_low = -0x1.8432a1b0e2634p-43;  // 41 bits, and the rest
  // e^x = 0 below lowest and infinite from highest; e^x - 1 = -1 below minus_one; tanh x = 1 from tanh_one.
  static constexpr double lowest = -746, highest = 710, minus_one = -40, tanh_one = 20;
  static constexpr double q[] = {  // fits e^r to 2^-57.9
      0x1.000000000000ap-1,  0x1.55555555554fap-3,  0x1.5555555550875p-5,  0x1.1111111127c1bp-7,
      0x1.6c16c1842c507p-10, 0x1.a01a012a708a1p-13, 0x1.a0199a05bb8f9p-16, 0x1.71df24d30444ep-19,
      0x1.28ad79122922ap-22, 0x1.ad808e8a825f9p-26};
};

template <> struct Exponential<float> {
  static constexpr float per_ln2 = 0x1.715476p0f;
  static constexpr float ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;  // 15 bits, and the rest
  static constexpr float lowest = -104, highest = 89, minus_one = -20, tanh_one = 10;
  static constexpr float q[] = {  // fits e^r to 2^-28.3
      0x1.fffffcp-2f, 0x1.555492p-3f, 0x1.5558fp-5f, 0x1.1239e2p-7f, 0x1.6a248ep-10f};
};

// x - less = n ln 2 + r, r = high - low, and shifted = n + offset + 1.5 * 2^52, whose low bits are n + offset.
template <class T, int B> struct ReducedExponent {
  using Vector = typename Simd<T, B>::Vector;
  Vector shifted, high, low;

  FIRSTDRAW_INLINE ReducedExponent(Vector x, int offset, Vector less = Simd<T, B>::broadcast(0)) {
    using E = Exponential<T>;
    const T round = Format<T>::round + T(offset);
    shifted = (x - less) * E::per_ln2 + round;
    const Vector n = shifted - round;
    high = x - n * E::ln2_high;
    low = n * E::ln2_low + less;
  }

  // 2^(n + offset - bias).
  FIRSTDRAW_INLINE Vector power() const {
    return Simd<T, B>::from_bits(Simd<T, B>::bits(shifted) << Format<T>::fraction);
  }

  // e^r - 1 - high, and e^r - 1.
  FIRSTDRAW_INLINE Vector curve() const {
    const Vector r = high - low;
    return (r * r) * polynomial<T, B>(r, Exponential<T>::q) - low;
  }
  FIRSTDRAW_INLINE Vector minus_one() const {
    const Vector r = high - low;
    return (r * r) * polynomial<T, B>(r, Exponential<T>::q) + r;
  }
};

// e^x for x <= 0, cheaper than the general one: 2^(n + 64) is never denormal. 0.92 / 0.93 ulp.
template <class T, int B>
FIRSTDRAW_INLINE typename Simd<T, B>::Vector exponential_nonpositive(typename Simd<T, B>::Vector x) {
  const ReducedExponent<T, B> e(at_least<T, B>(x, Exponential<T>::lowest), Format<T>::bias + 64);
  return (e.power() + e.power() * e.minus_one()) * T(0x1p-64);
}

// e^x, with 2^n as a product of two halves, neither denormal nor infinite. 0.96 / 0.96 ulp.
template <class T, int B>
FIRSTDRAW_INLINE typename Simd<T, B>::Vector exponential(typename Simd<T, B>::Vector x) {
  using S = Simd<T, B>;
  using F = Format<T>;
  x = at_most<T, B>(at_least<T, B>(x, Exponential<T>::lowest), Exponential<T>::highest);
  const ReducedExponent<T, B> e(x, 2 * F::bias);
  // Natural numbers, whose difference may wrap around.
  typedef typename F::Natural Naturals __attribute__((vector_size(B)));
  const auto bits = reinterpret_cast<Naturals>(e.shifted);
  const auto half = (bits << (F::fraction - 1)) & reinterpret_cast<Naturals>(S::broadcast(T(__builtin_inf())));
  const auto first = reinterpret_cast<typename S::Vector>(half);
  const auto second = reinterpret_cast<typename S::Vector>((bits << F::fraction) - half);
  return (first + first * e.minus_one()) * second;
}

// e^x - 1 = (2^n high + (2^n - 1)) + 2^n (e^r - 1 - high), the first sum nearly exact; 2^1024 is
// 2 * 2^1023. 1.08 / 1.11 ulp.
template <class T, int B>
FIRSTDRAW_INLINE typename Simd<T, B>::Vector exponential_minus_one(typename Simd<T, B>::Vector x) {
  using F = Format<T>;
  const auto bounded = at_most<T, B>(at_least<T, B>(x, Exponential<T>::minus_one), Exponential<T>::highest);
  ReducedExponent<T, B> e(bounded, F::bias);
  const auto huge = e.shifted > F::round + T(2 * F::bias);
  e.shifted = huge ? e.shifted - 1 : e.shifted;
  const auto power = e.power();
  const auto value = power * e.curve() + (power * e.high + (power - 1));
  return with_sign<T, B>(huge ? value + value : value, x);
}

// tanh x = u / (u + 2) with u = e^2|x| - 1, as above. 2.10 / 1.91 ulp.
template <class T, int B>
FIRSTDRAW_INLINE typename Simd<T, B>::Vector hyperbolic_tangent(typename Simd<T, B>::Vector x) {
  const auto bounded = at_most<T, B>(absolute<T, B>(x), Exponential<T>::tanh_one);
  const ReducedExponent<T, B> e(bounded + bounded, Format<T>::bias);
  const auto power = e.power();
  const auto u = power * e.curve() + (power * e.high + (power - 1));
  return with_sign<T, B>(u / (u + 2), x);
}

// sigmoid x = 1 / (1 + e^-x), from e^-|x|: accurate to the last denormal on the left. 1.92 / 2.02 ulp.
template <class T, int B>
FIRSTDRAW_INLINE typename Simd<T, B>::Vector sigmoid(typename Simd<T, B>::Vector x) {
  const auto e = exponential_nonpositive<T, B>(minus_absolute<T, B>(x));
  return (x < 0 ? e : Simd<T, B>::broadcast(1)) / (1 + e);
}

// sigmoid x and 1 - sigmoid x = sigmoid(-x), both with full relative accuracy. 2.53 / 2.41 ulp.
template <class T, int B>
FIRSTDRAW_INLINE void sigmoid_pair(typename Simd<T, B>::Vector x, typename Simd<T, B>::Vector* value,
                                   typename Simd<T, B>::Vector* one_minus) {
  const auto e = exponential_nonpositive<T, B>(minus_absolute<T, B>(x));
  const auto large = 1 / (1 + e), small = e * large;
  *value = x < 0 ? small : large;
  *one_minus = x < 0 ? large : small;
}

}  // namespace
}  // namespace firstdraw
