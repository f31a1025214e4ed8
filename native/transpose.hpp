// A tile's activations with one row a sample, as the gradient's product reads them.
#pragma once

#include "product.hpp"

namespace firstdraw {
namespace {

// A square of vectors, transposed: zipping row i with row i + n/2, n the number of rows, moves one bit of the row's
// number into the column's; after log2(n) rounds all have changed places.
template <class T, int B, int rounds = 1, int n> FIRSTDRAW_INLINE void transpose_square(Vector<T, B> (&square)[n]) {
  using S = Simd<T, B>;
  Vector<T, B> next[n];
#pragma GCC unroll 16
  for (int i = 0; i < n / 2; ++i) {
    next[2 * i] = S::template zip<0>(square[i], square[i + n / 2], typename S::AllLanes{});
    next[2 * i + 1] = S::template zip<1>(square[i], square[i + n / 2], typename S::AllLanes{});
  }
#pragma GCC unroll 16
  for (int i = 0; i < n; ++i) square[i] = next[i];
  if constexpr (2 * rounds < n) transpose_square<T, B, 2 * rounds>(square);
}

// to `[samples, row]` = A^T for A `[in, samples]`, each row of `row` elements filled up with zeros.
template <class T, int B>
__attribute__((noinline)) void transpose(const T* A, int in, std::int64_t samples, T* to, std::int64_t row) {
  using S = Simd<T, B>;
  constexpr int n = S::lanes;
  for (std::int64_t first = 0; first < row; first += n)
    for (std::int64_t s = 0; s < samples; s += n) {
      typename S::Vector square[n];
#pragma GCC unroll 16
      for (int i = 0; i < n; ++i)
        square[i] = first + i < in ? S::load(A + (first + i) * tile_row + s) : S::broadcast(0);
      transpose_square<T, B>(square);
#pragma GCC unroll 16
      for (int i = 0; i < n; ++i) S::store(to + (s + i) * row + first, square[i]);
    }
}

}  // namespace
}  // namespace firstdraw
