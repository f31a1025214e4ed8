// Elementary functions of vectors: exponentials, logarithms, sines and the normal distribution, in T's own precision.
//
// Coefficients are this project's own: minimax fits (Remez exchange in 50 to 70 digits), rounded. Some tricks recur:
//   round  adding 1.5 * 2^52 (2^23) to a small number leaves its nearest integer in the low bits, ready to be shifted
//          into an exponent, and subtracting it again gives that integer as a number;
//   a - n c, with c as a sum of numbers c[k] of so few bits that every n c[k] is exact;
//   NaN passes through comparisons unchanged, because `x > top ? top : x` keeps it.
// Errors beside the functions, "d / f ulp", are the worst in units in the last place that dense samples showed, for
// float64 and for float32, at any width; none is proved.
#pragma once

#include "elementary/error_function.hpp"
#include "elementary/exponential.hpp"
#include "elementary/logarithm.hpp"
#include "elementary/trigonometry.hpp"

namespace firstdraw {
namespace {

// The square root, correctly rounded.
template <class T, int B>
FIRSTDRAW_INLINE typename Simd<T, B>::Vector square_root(typename Simd<T, B>::Vector x) {
  typename Simd<T, B>::Vector root;
  for (int lane = 0; lane < Simd<T, B>::lanes; ++lane) {
    if constexpr (sizeof(T) == 8) root[lane] = __builtin_sqrt(x[lane]);
    else root[lane] = __builtin_sqrtf(x[lane]);
  }
  return root;
}

}  // namespace
}  // namespace firstdraw
