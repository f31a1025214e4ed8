// The one matrix product behind every pass: C = (C or c0) + L R, in blocks that live in registers.
//
//   forward    Z  = b + W A        L = W,    R = A,    one column a sample
//   backward   dA = W^T dZ         L = W^T,  R = dZ
//   gradient   dW = dW + dZ A^T    L = dZ,   R = A^T,  one column an input
//
// L is read element by element, so that its strides are free; R and C are rows of vectors.
#pragma once

#include "simd.hpp"

namespace firstdraw {

// How large a block of C is kept in registers: rows x vectors, with room left for the vectors of R.
template <int B> struct Block {
  static constexpr int rows = 6;
  static constexpr int vectors = B == 64 ? 4 : 2;
};

template <class T> struct Left {
  const T* data;
  std::int64_t row;   // elements from one row to the next
  std::int64_t step;  // elements from one term of the sum to the next
};

// What a block of C starts from: what is there, zero, or one number a row.
enum class Start { there, zero, row };

// What becomes of C on its way from the registers to memory, which saves a pass over it: nothing, a rectifier
// (max(C, 0)), its derivative (C where F > 0), or a product with F. F lies as C does.
enum class Finish { plain, rectify, where_positive, times };

template <class T, int B, Finish finish>
FIRSTDRAW_INLINE typename Simd<T, B>::Vector finished(typename Simd<T, B>::Vector c, const T* F) {
  using S = Simd<T, B>;
  using V = typename S::Vector;
  // Not c > 0: a NaN must stay one.
  if constexpr (finish == Finish::rectify) return S::select(c < 0, V{}, c);
  // A product, as in the equation: where the gradient is not finite, 0 times it is NaN and not 0.
  if constexpr (finish == Finish::where_positive) return c * S::select(S::load(F) > 0, S::broadcast(1), V{});
  if constexpr (finish == Finish::times) return c * S::load(F);
  return c;
}

template <class T, int B, Start start, Finish finish, int rows, int vectors>
FIRSTDRAW_INLINE void block(const Left<T>& L, const T* R, std::int64_t R_row, T* C, std::int64_t C_row, int terms,
                            const T* c0, const T* F) {
  using S = Simd<T, B>;
  using V = typename S::Vector;
  V sum[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) {
      if constexpr (start == Start::there) sum[r][v] = S::load(C + r * C_row + v * S::lanes);
      if constexpr (start == Start::zero) sum[r][v] = V{};
      if constexpr (start == Start::row) sum[r][v] = S::broadcast(c0[r]);
    }
  const T* l[rows];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) l[r] = L.data + r * L.row;
  for (int k = 0; k < terms; ++k) {
    V right[vectors];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) right[v] = S::load(R + v * S::lanes);
    R += R_row;
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      const V left = S::broadcast(*l[r]);
      l[r] += L.step;
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) sum[r][v] += left * right[v];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) {
      const std::int64_t at = r * C_row + v * S::lanes;
      S::store(C + at, finished<T, B, finish>(sum[r][v], F + at));
    }
}

// All rows of C over one strip of `vectors` vectors.
template <class T, int B, Start start, Finish finish, int vectors>
FIRSTDRAW_INLINE void strip(Left<T> L, const T* R, std::int64_t R_row, T* C, std::int64_t C_row, int n_rows, int terms,
                            const T* c0, const T* F) {
  constexpr int most = Block<B>::rows;
  int r = 0;
  for (; r + most <= n_rows; r += most) {
    block<T, B, start, finish, most, vectors>(L, R, R_row, C, C_row, terms, c0, F);
    L.data += most * L.row;
    C += most * C_row;
    c0 += most;
    F += most * C_row;
  }
  switch (n_rows - r) {
    case 5: block<T, B, start, finish, 5, vectors>(L, R, R_row, C, C_row, terms, c0, F); break;
    case 4: block<T, B, start, finish, 4, vectors>(L, R, R_row, C, C_row, terms, c0, F); break;
    case 3: block<T, B, start, finish, 3, vectors>(L, R, R_row, C, C_row, terms, c0, F); break;
    case 2: block<T, B, start, finish, 2, vectors>(L, R, R_row, C, C_row, terms, c0, F); break;
    case 1: block<T, B, start, finish, 1, vectors>(L, R, R_row, C, C_row, terms, c0, F); break;
    default: break;
  }
}

// C `[n_rows, n_vectors]` from L `[n_rows, terms]` and R `[terms, n_vectors]`.
template <class T, int B, Start start, Finish finish = Finish::plain>
__attribute__((noinline)) void product(Left<T> L, const T* R, std::int64_t R_row, T* C, std::int64_t C_row, int n_rows,
                                       int n_vectors, int terms, const T* c0 = nullptr, const T* F = nullptr) {
  constexpr int lanes = Simd<T, B>::lanes;
  constexpr int most = Block<B>::vectors;
  // What is not used still moves along with C.
  if (c0 == nullptr) c0 = C;
  if (F == nullptr) F = C;
  int left = n_vectors;
  for (; left >= most; left -= most) {
    strip<T, B, start, finish, most>(L, R, R_row, C, C_row, n_rows, terms, c0, F);
    R += most * lanes;
    C += most * lanes;
    F += most * lanes;
  }
  if constexpr (most > 2) {
    if (left == 3) strip<T, B, start, finish, 3>(L, R, R_row, C, C_row, n_rows, terms, c0, F);
    if (left == 2) strip<T, B, start, finish, 2>(L, R, R_row, C, C_row, n_rows, terms, c0, F);
  }
  if (left == 1) strip<T, B, start, finish, 1>(L, R, R_row, C, C_row, n_rows, terms, c0, F);
}

// Sums of products along the samples, lane by lane: G[j][i] += D[j] * A[i] and g[j] += D[j], each a vector of partial
// sums. For layers with few inputs, where rows of A^T would leave most lanes of a vector empty; a sum over the lanes
// remains, once a step.
template <class T, int B, bool biases, int rows, int columns>
FIRSTDRAW_INLINE void lanewise_block(const T* D, const T* A, std::int64_t row, int vectors, T* G, std::int64_t G_row,
                                     T* g) {
  using S = Simd<T, B>;
  using V = typename S::Vector;
  V sum[rows][columns], bias[rows];
#pragma GCC unroll 8
  for (int j = 0; j < rows; ++j) {
    if constexpr (biases) bias[j] = S::load(g + j * S::lanes);
#pragma GCC unroll 8
    for (int i = 0; i < columns; ++i) sum[j][i] = S::load(G + j * G_row + i * S::lanes);
  }
  for (int v = 0; v < vectors; ++v) {
    V a[columns];
#pragma GCC unroll 8
    for (int i = 0; i < columns; ++i) a[i] = S::load(A + i * row + v * S::lanes);
#pragma GCC unroll 8
    for (int j = 0; j < rows; ++j) {
      const V d = S::load(D + j * row + v * S::lanes);
      if constexpr (biases) bias[j] += d;
#pragma GCC unroll 8
      for (int i = 0; i < columns; ++i) sum[j][i] += d * a[i];
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < rows; ++j) {
    if constexpr (biases) S::store(g + j * S::lanes, bias[j]);
#pragma GCC unroll 8
    for (int i = 0; i < columns; ++i) S::store(G + j * G_row + i * S::lanes, sum[j][i]);
  }
}

// Some rows of G over all its columns; the first columns take the biases along.
template <class T, int B, int rows>
FIRSTDRAW_INLINE void lanewise_rows(const T* D, const T* A, std::int64_t row, int vectors, T* G, int n_columns, T* g) {
  constexpr int lanes = Simd<T, B>::lanes;
  constexpr int most = B == 64 ? 5 : 2;
  const std::int64_t G_row = std::int64_t(n_columns) * lanes;
  int i = 0;
  if (n_columns >= most) {
    lanewise_block<T, B, true, rows, most>(D, A, row, vectors, G, G_row, g);
    i = most;
  } else if (n_columns >= 2) {
    lanewise_block<T, B, true, rows, 2>(D, A, row, vectors, G, G_row, g);
    i = 2;
  } else {
    lanewise_block<T, B, true, rows, 1>(D, A, row, vectors, G, G_row, g);
    i = 1;
  }
  for (; i + most <= n_columns; i += most)
    lanewise_block<T, B, false, rows, most>(D, A + i * row, row, vectors, G + i * lanes, G_row, g);
  for (; i + 2 <= n_columns; i += 2)
    lanewise_block<T, B, false, rows, 2>(D, A + i * row, row, vectors, G + i * lanes, G_row, g);
  for (; i < n_columns; ++i)
    lanewise_block<T, B, false, rows, 1>(D, A + i * row, row, vectors, G + i * lanes, G_row, g);
}

// G `[n_rows, n_columns]` and g `[n_rows]`, of vectors, from D `[n_rows, vectors]` and A `[n_columns, vectors]`, both
// with rows of `row` elements.
template <class T, int B>
__attribute__((noinline)) void lanewise_product(const T* D, const T* A, std::int64_t row, int n_rows, int n_columns,
                                                int vectors, T* G, T* g) {
  constexpr int lanes = Simd<T, B>::lanes;
  constexpr int most = B == 64 ? 4 : 3;
  const auto rows_of_G = [&](int j) { return G + std::int64_t(j) * n_columns * lanes; };
  int j = 0;
  for (; j + most <= n_rows; j += most)
    lanewise_rows<T, B, most>(D + j * row, A, row, vectors, rows_of_G(j), n_columns, g + j * lanes);
  for (; j + 2 <= n_rows; j += 2)
    lanewise_rows<T, B, 2>(D + j * row, A, row, vectors, rows_of_G(j), n_columns, g + j * lanes);
  for (; j < n_rows; ++j)
    lanewise_rows<T, B, 1>(D + j * row, A, row, vectors, rows_of_G(j), n_columns, g + j * lanes);
}

// g `[n_rows]` of vectors += the rows of D, in two sums so that an addition need not wait for the last.
template <class T, int B>
__attribute__((noinline)) void lanewise_sums(const T* D, std::int64_t row, int n_rows, int vectors, T* g) {
  using S = Simd<T, B>;
  for (int j = 0; j < n_rows; ++j) {
    auto even = S::load(g + j * S::lanes), odd = S::broadcast(0);
    int v = 0;
    for (; v + 2 <= vectors; v += 2) {
      even += S::load(D + j * row + v * S::lanes);
      odd += S::load(D + j * row + (v + 1) * S::lanes);
    }
    if (v < vectors) even += S::load(D + j * row + v * S::lanes);
    S::store(g + j * S::lanes, even + odd);
  }
}

}  // namespace firstdraw
