// What the elementary functions share: the layout of numbers, polynomials, signs, bounds and a test of any lane.
#pragma once

#include "../simd.hpp"

namespace firstdraw {
namespace {

// How a number is laid out: exponent bias, bits below the exponent; and the constant that rounds to an integer.
template <class T> struct Format;

template <> struct Format<double> {
  using Natural = std::uint64_t;
  static constexpr int bias = 1023, fraction = 52;
  static constexpr double round = 0x1.8p52;
};

template <> struct Format<float> {
  using Natural = std::uint32_t;
  static constexpr int bias = 127, fraction = 23;
  static constexpr float round = 0x1.8p23f;
};

// c[0] + x (c[1] + c[2] x + ...): the bracket as two interleaved Horner chains, c[0] last for the sake of its rounding.
template <class T, int B, int N>
FIRSTDRAW_INLINE typename Simd<T, B>::Vector polynomial(typename Simd<T, B>::Vector x, const T (&c)[N]) {
  const auto square = x * x;
  auto last = Simd<T, B>::broadcast(c[N - 1]), other = Simd<T, B>::broadcast(c[N - 2]);
#pragma GCC unroll 32
  for (int k = N - 3; k > 0; k -= 2) {
    last = last * square + c[k];
    if (k > 1) other = other * square + c[k - 1];
  }
  return c[0] + x * (N % 2 ? other + x * last : last + x * other);
}

// The sign bit, |x|, -|x|, and x >= 0 with the sign of y.
template <class T, int B> FIRSTDRAW_INLINE typename Simd<T, B>::Mask sign_bit() {
  return typename Simd<T, B>::Mask{} + (typename Simd<T, B>::Integer(1) << (8 * sizeof(T) - 1));
}

template <class T, int B>
FIRSTDRAW_INLINE typename Simd<T, B>::Vector absolute(typename Simd<T, B>::Vector x) {
  return Simd<T, B>::from_bits(Simd<T, B>::bits(x) & ~sign_bit<T, B>());
}

template <class T, int B>
FIRSTDRAW_INLINE typename Simd<T, B>::Vector minus_absolute(typename Simd<T, B>::Vector x) {
  return Simd<T, B>::from_bits(Simd<T, B>::bits(x) | sign_bit<T, B>());
}

template <class T, int B>
FIRSTDRAW_INLINE typename Simd<T, B>::Vector with_sign(typename Simd<T, B>::Vector x, typename Simd<T, B>::Vector y) {
  return Simd<T, B>::from_bits(Simd<T, B>::bits(x) | (Simd<T, B>::bits(y) & sign_bit<T, B>()));
}

// x kept within a bound; NaN stays.
template <class T, int B>
FIRSTDRAW_INLINE typename Simd<T, B>::Vector at_least(typename Simd<T, B>::Vector x, T bound) {
  return Simd<T, B>::at_least(Simd<T, B>::broadcast(bound), x);
}

template <class T, int B>
FIRSTDRAW_INLINE typename Simd<T, B>::Vector at_most(typename Simd<T, B>::Vector x, T bound) {
  return Simd<T, B>::at_most(Simd<T, B>::broadcast(bound), x);
}

// Whether any lane of a comparison holds: its lanes narrowed to bytes make a number or two.
template <class T, int B> FIRSTDRAW_INLINE bool any(typename Simd<T, B>::Mask m) {
  constexpr int lanes = Simd<T, B>::lanes;
  typedef std::int8_t Bytes __attribute__((vector_size(lanes)));
  const Bytes bytes = __builtin_convertvector(m, Bytes);
  std::uint64_t words[2] = {0, 0};
  __builtin_memcpy(words, &bytes, lanes);
  return (words[0] | words[1]) != 0;
}

}  // namespace
}  // namespace firstdraw
