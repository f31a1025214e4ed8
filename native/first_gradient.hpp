// The gradient of a first layer with very few inputs, from the layer above it: dZ = W^T dZ_above * phi', dW = dZ X^T
// and db = dZ 1. Nothing else needs dZ, so that it is never stored.
#pragma once

#include "lanewise.hpp"

namespace firstdraw {
namespace {

// Some rows of dZ with all columns of dW.
template <class T, int B, Finish finish, int rows, int columns>
FIRSTDRAW_INLINE void first_rows(const Left<T>& W, const T* above, const T* F, const T* X, int vectors, int terms,
                                 T* dW, T* db, bool fresh) {
  using S = Simd<T, B>;
  using V = typename S::Vector;
  constexpr std::int64_t row = tile_row;
  V sum[rows][columns], sum_db[rows];
#pragma GCC unroll 8
  for (int j = 0; j < rows; ++j) {
    sum_db[j] = fresh ? V{} : S::load(db + j * S::lanes);
#pragma GCC unroll 8
    for (int i = 0; i < columns; ++i) sum[j][i] = fresh ? V{} : S::load(dW + (j * columns + i) * S::lanes);
  }
  const auto next_strip = [&]<int wide>() FIRSTDRAW_LAMBDA {
    V dZ[rows][wide];
    multiply<T, B, Start::zero>(dZ, W, above, above, TileRows{}, terms, above);
#pragma GCC unroll 8
    for (int v = 0; v < wide; ++v) {
      V x[columns];
#pragma GCC unroll 8
      for (int i = 0; i < columns; ++i) x[i] = S::held(S::load(X + i * row + v * S::lanes));
#pragma GCC unroll 8
      for (int j = 0; j < rows; ++j) {
        const V d = finished<T, B, finish>(dZ[j][v], F + j * row + v * S::lanes);
        sum_db[j] += d;
#pragma GCC unroll 8
        for (int i = 0; i < columns; ++i) sum[j][i] += d * x[i];
      }
    }
    above += wide * S::lanes;
    F += wide * S::lanes;
    X += wide * S::lanes;
  };
  constexpr int wide = Block<B>::vectors;
  for (; vectors >= wide; vectors -= wide) next_strip.template operator()<wide>();
  with_constant<wide - 1>(vectors, next_strip);
#pragma GCC unroll 8
  for (int j = 0; j < rows; ++j) {
    S::store(db + j * S::lanes, sum_db[j]);
#pragma GCC unroll 8
    for (int i = 0; i < columns; ++i) S::store(dW + (j * columns + i) * S::lanes, sum[j][i]);
  }
}

// Inputs of a first layer whose gradient is taken so.
template <int B> constexpr int most_first_inputs = B == 64 ? 4 : 2;

// Adds a tile's share of dW and db, from W^T, the derivatives above and the inputs X; F as in `finished`.
template <class T, int B, Finish finish>
__attribute__((noinline)) void first_gradient(Left<T> W, const T* above, const T* F, const T* X, int vectors, int out,
                                              int in, int terms, const PartialSums<T>& to) {
  constexpr int lanes = Simd<T, B>::lanes, most = Block<B>::few_rows;
  with_constant<most_first_inputs<B>>(in, [&]<int columns>() FIRSTDRAW_LAMBDA {
    for (int j = 0; j < out; j += most)
      with_constant<most>(out - j < most ? out - j : most, [&]<int rows>() FIRSTDRAW_LAMBDA {
        first_rows<T, B, finish, rows, columns>({W.data + j * W.row, W.row, W.step}, above, F + j * tile_row, X,
                                                vectors, terms, to.dW + std::int64_t(j) * columns * lanes,
                                                to.db + j * lanes, to.fresh);
      });
  });
}

}  // namespace
}  // namespace firstdraw
