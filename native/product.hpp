// The one matrix product behind every pass: C = (C or c0) + L R, in blocks that live in registers.
//
//   forward    Z  = b + W A        L = W,    R = A,    one column a sample
//   backward   dA = W^T dZ         L = W^T,  R = dZ
//   gradient   dW = dW + dZ A^T    L = dZ,   R = A^T,  one column an input
//
// L is read element by element, R and C are rows of vectors.
#pragma once

#include "simd.hpp"

namespace firstdraw {
namespace {

// A tile of examples: every matrix with one column a sample has rows of this many elements, whatever it holds, so that
// the way from one row to the next is known when this is compiled. Small enough that a narrow network's activations
// stay in the caches nearby, large enough that few calls do much.
constexpr std::int64_t tile_row = 320;

template <class T, int B> using Vector = typename Simd<T, B>::Vector;

// How large a block of C is kept in registers, rows x vectors, with room left for the vectors of R. Where there are few
// terms, small blocks: while one is finished and stored, the next is under way. Where there are many, R does not stay
// in the first cache, and large blocks read it less often.
template <int B> struct Block {
  static constexpr int few_rows = 2, many_rows = 6;
  static constexpr int vectors = B == 64 ? 4 : 2;
};
constexpr int few_terms = 160;

// L, read element by element: `data[r * row + k * step]`.
template <class T> struct Left {
  const T* data;
  std::int64_t row, step;
};

// What a block of C starts from: what is there, zero, or one number a row.
enum class Start { there, zero, row };

// What becomes of C on its way from the registers to memory, which saves a pass over it: nothing, a rectifier
// (max(C, 0)), its derivative (C where F > 0), or a product with F. F lies as C does, and may be C.
enum class Finish { plain, rectify, where_positive, times };

template <class T, int B, Finish finish>
FIRSTDRAW_INLINE Vector<T, B> finished(Vector<T, B> c, const T* F) {
  using S = Simd<T, B>;
  if constexpr (finish == Finish::rectify) return S::at_least(Vector<T, B>{}, c);
  // c - c for c times 0, since both are NaN where a gradient is not finite, and this takes no multiplier's turn.
  if constexpr (finish == Finish::where_positive) return S::select(S::load(F) > 0, c, c - c);
  if constexpr (finish == Finish::times) return c * S::load(F);
  return c;
}

// The ways from one row to the next, in elements.
struct Rows {
  std::int64_t R, C;
};
struct TileRows {
  static constexpr std::int64_t R = tile_row, C = tile_row;
};

// A block of C before it is finished.
template <class T, int B, Start start, int rows, int vectors, class Strides>
FIRSTDRAW_INLINE void multiply(Vector<T, B> (&sum)[rows][vectors], const Left<T>& L, const T* R, const T* C,
                               const Strides& row, int terms, const T* c0) {
  using S = Simd<T, B>;
  if constexpr (start == Start::there)
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) sum[r][v] = S::load(C + r * row.C + v * S::lanes);
  const T* l[rows];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) l[r] = L.data + r * L.row;
  const auto next_term = [&](bool first) FIRSTDRAW_LAMBDA {
    Vector<T, B> right[vectors];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) right[v] = S::held(S::load(R + v * S::lanes));
    R += row.R;
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      const Vector<T, B> left = S::broadcast(*l[r]);
      l[r] += L.step;
      // The first term begins the sum by a product, not by a multiply-add to a start: where those read a third number,
      // stores wait.
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v)
        sum[r][v] = first && start == Start::row    ? S::held(left * right[v]) + S::broadcast(c0[r])
                    : first && start == Start::zero ? left * right[v]
                                                    : sum[r][v] + left * right[v];
    }
  };
  next_term(true);
  for (int k = 1; k < terms; ++k) next_term(false);
}

template <class T, int B, Start start, Finish finish, int rows, int vectors, class Strides>
FIRSTDRAW_INLINE void block(const Left<T>& L, const T* R, T* C, const Strides& row, int terms, const T* c0,
                            const T* F) {
  using S = Simd<T, B>;
  Vector<T, B> sum[rows][vectors];
  multiply<T, B, start>(sum, L, R, C, row, terms, c0);
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) {
      const std::int64_t at = r * row.C + v * S::lanes;
      S::store(C + at, finished<T, B, finish>(sum[r][v], F + at));
    }
}

// All rows of C over one strip of `vectors` vectors.
template <class T, int B, Start start, Finish finish, int most, int vectors, class Strides>
FIRSTDRAW_INLINE void strip(Left<T> L, const T* R, T* C, const Strides& row, int n_rows, int terms, const T* c0,
                            const T* F) {
  const auto next_rows = [&]<int rows>() FIRSTDRAW_LAMBDA {
    block<T, B, start, finish, rows, vectors>(L, R, C, row, terms, c0, F);
    L.data += rows * L.row;
    C += rows * row.C;
    c0 += rows;
    F += rows * row.C;
  };
  for (; n_rows >= most; n_rows -= most) next_rows.template operator()<most>();
  with_constant<most - 1>(n_rows, next_rows);
}

template <class T, int B, Start start, Finish finish, int most, class Strides>
FIRSTDRAW_INLINE void strips(const Left<T>& L, const T* R, T* C, const Strides& row, int n_rows, int n_vectors,
                             int terms, const T* c0, const T* F) {
  constexpr int wide = Block<B>::vectors;
  const auto next_strip = [&]<int vectors>() FIRSTDRAW_LAMBDA {
    strip<T, B, start, finish, most, vectors>(L, R, C, row, n_rows, terms, c0, F);
    R += vectors * Simd<T, B>::lanes;
    C += vectors * Simd<T, B>::lanes;
    F += vectors * Simd<T, B>::lanes;
  };
  for (; n_vectors >= wide; n_vectors -= wide) next_strip.template operator()<wide>();
  with_constant<wide - 1>(n_vectors, next_strip);
}

// C `[n_rows, n_vectors]` from L `[n_rows, terms]` and R `[terms, n_vectors]`.
template <class T, int B, Start start, Finish finish, class Strides>
__attribute__((noinline)) void product(Left<T> L, const T* R, T* C, Strides row, int n_rows, int n_vectors, int terms,
                                       const T* c0, const T* F) {
  // What is not used still moves along with C.
  if (c0 == nullptr) c0 = C;
  if (F == nullptr) F = C;
  if (terms <= few_terms)
    strips<T, B, start, finish, Block<B>::few_rows>(L, R, C, row, n_rows, n_vectors, terms, c0, F);
  else
    strips<T, B, start, finish, Block<B>::many_rows>(L, R, C, row, n_rows, n_vectors, terms, c0, F);
}

}  // namespace
}  // namespace firstdraw
