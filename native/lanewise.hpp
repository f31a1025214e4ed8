// The gradient of a layer with few inputs, dW = dZ A^T and db = dZ 1, summed lane by lane along the samples.
//
// There rows of A^T would leave most lanes of a vector empty. So each element of dW and db is a vector of partial sums,
// in the order of theta, and a sum over the lanes remains, once a step.
#pragma once

#include "product.hpp"

namespace firstdraw {
namespace {

// Where the partial sums of a layer lie, and whether they begin with this tile.
template <class T> struct PartialSums {
  T *dW, *db;  // `[out, in]` and `[out]`, of vectors
  bool fresh;
};

// Some rows and columns of dW over a tile's vectors, and with them these rows of db.
template <class T, int B, bool with_db, int rows, int columns>
FIRSTDRAW_INLINE void lanewise_block(const T* dZ, const T* A, int vectors, T* dW, std::int64_t dW_row, T* db,
                                     bool fresh) {
  using S = Simd<T, B>;
  using V = typename S::Vector;
  constexpr std::int64_t row = tile_row;
  V sum[rows][columns], sum_db[rows];
#pragma GCC unroll 8
  for (int j = 0; j < rows; ++j) {
    if constexpr (with_db) sum_db[j] = fresh ? V{} : S::load(db + j * S::lanes);
#pragma GCC unroll 8
    for (int i = 0; i < columns; ++i) sum[j][i] = fresh ? V{} : S::load(dW + j * dW_row + i * S::lanes);
  }
  for (int v = 0; v < vectors; ++v) {
    V a[columns];
#pragma GCC unroll 8
    for (int i = 0; i < columns; ++i) a[i] = S::held(S::load(A + i * row));
#pragma GCC unroll 8
    for (int j = 0; j < rows; ++j) {
      const V d = S::held(S::load(dZ + j * row));
      if constexpr (with_db) sum_db[j] += d;
#pragma GCC unroll 8
      for (int i = 0; i < columns; ++i) sum[j][i] += d * a[i];
    }
    A += S::lanes;
    dZ += S::lanes;
  }
#pragma GCC unroll 8
  for (int j = 0; j < rows; ++j) {
    if constexpr (with_db) S::store(db + j * S::lanes, sum_db[j]);
#pragma GCC unroll 8
    for (int i = 0; i < columns; ++i) S::store(dW + j * dW_row + i * S::lanes, sum[j][i]);
  }
}

// How many columns of dW a block takes at most, and how many rows beside them, so that the sums stay in registers.
template <int B> constexpr int most_columns = B == 64 ? 5 : 2;
template <int B> constexpr int most_rows(int columns) { return B != 64 ? 3 : columns == 5 ? 4 : columns == 4 ? 5 : 6; }

// Cuts `n` into as few pieces of at most `most` as there can be, and these into as even ones as there can be.
inline int even_piece(int n, int most) { return (n + (n + most - 1) / most - 1) / ((n + most - 1) / most); }

// Some columns of dW over all rows; the first columns take db along.
template <class T, int B, bool with_db, int columns>
FIRSTDRAW_INLINE void lanewise_columns(const T* dZ, const T* A, int vectors, int out, T* dW, std::int64_t dW_row, T* db,
                                       bool fresh) {
  constexpr int most = most_rows<B>(columns);
  for (int j = 0, piece; j < out; j += piece) {
    piece = even_piece(out - j, most);
    with_constant<most>(piece, [&]<int rows>() FIRSTDRAW_LAMBDA {
      lanewise_block<T, B, with_db, rows, columns>(dZ + j * tile_row, A, vectors, dW + j * dW_row, dW_row,
                                                   db + j * Simd<T, B>::lanes, fresh);
    });
  }
}

// Adds a tile's share of dW and db, from dZ `[out, samples]` and A `[in, samples]`.
template <class T, int B>
__attribute__((noinline)) void lanewise_gradient(const T* dZ, const T* A, int vectors, int out, int in,
                                                 const PartialSums<T>& to) {
  constexpr int lanes = Simd<T, B>::lanes;
  const std::int64_t dW_row = std::int64_t(in) * lanes;
  for (int i = 0, piece; i < in; i += piece) {
    piece = even_piece(in - i, most_columns<B>);
    with_constant<most_columns<B>>(piece, [&]<int columns>() FIRSTDRAW_LAMBDA {
      const T* const a = A + i * tile_row;
      T* const dw = to.dW + i * lanes;
      if (i == 0) lanewise_columns<T, B, true, columns>(dZ, a, vectors, out, dw, dW_row, to.db, to.fresh);
      else lanewise_columns<T, B, false, columns>(dZ, a, vectors, out, dw, dW_row, to.db, to.fresh);
    });
  }
}

// db `[out]` of vectors from the rows of dZ, in two sums so that an addition need not wait for the last.
template <class T, int B>
__attribute__((noinline)) void lanewise_sums(const T* dZ, int vectors, int out, T* db, bool fresh) {
  using S = Simd<T, B>;
  for (int j = 0; j < out; ++j, dZ += tile_row, db += S::lanes) {
    auto even = fresh ? S::broadcast(0) : S::load(db), odd = S::broadcast(0);
    int v = 0;
    for (; v + 2 <= vectors; v += 2) {
      even += S::load(dZ + v * S::lanes);
      odd += S::load(dZ + (v + 1) * S::lanes);
    }
    if (v < vectors) even += S::load(dZ + v * S::lanes);
    S::store(db, even + odd);
  }
}

// to[k] = the sum over the lanes of vector k, for `count` vectors, a square of them at a time; reads whole squares.
template <class T, int B> void sum_over_lanes(const T* from, T* to, std::int64_t count) {
  using S = Simd<T, B>;
  std::int64_t k = 0;
  for (; k + S::lanes <= count; k += S::lanes) S::store(to + k, S::sums(from + k * S::lanes));
  if (k == count) return;
  const auto last = S::sums(from + k * S::lanes);
  __builtin_memcpy(to + k, &last, (unsigned long)(count - k) * sizeof(T));
}

}  // namespace
}  // namespace firstdraw
