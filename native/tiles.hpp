// Examples as the passes read them: cut into tiles, so that all layers of a tile run while its activations are near.
#pragma once

#include "arena.hpp"
#include "product.hpp"
#include "task.hpp"

namespace firstdraw {
namespace {

constexpr std::int64_t round_up(std::int64_t x, std::int64_t unit) { return (x + unit - 1) / unit * unit; }

// How many examples a tile holds: few tiles of even size.
template <class T, int B> std::int64_t samples_of_tile(std::int64_t examples) {
  const std::int64_t tiles = (examples + tile_row - 1) / tile_row;
  return examples > 0 ? round_up((examples + tiles - 1) / tiles, Simd<T, B>::lanes) : 0;
}

// Tiles of `samples` examples one after the other, each a matrix X `[d, samples]` and one Y `[k, samples]`. Columns
// left over are copies of the last of the `m` examples: zeros could overflow where no example does, and then 0 times
// their activations would be NaN.
template <class T> struct Tiles {
  T *X = nullptr, *Y = nullptr;
  std::int64_t d = 0, k = 0, m = 0, samples = 1;

  Tiles() = default;
  Tiles(Arena& arena, std::int64_t d, std::int64_t k, std::int64_t m, std::int64_t samples)
      : d(d), k(k), m(m), samples(samples > 0 ? samples : 1) {
    X = arena.take<T>(d * count() * tile_row);
    Y = arena.take<T>(k * count() * tile_row);
  }

  std::int64_t count() const { return (m + samples - 1) / samples; }
  std::int64_t examples_in(std::int64_t tile) const {
    const std::int64_t rest = m - tile * samples;
    return rest < samples ? rest : samples;
  }
  const T* X_of(std::int64_t tile) const { return X + tile * d * tile_row; }
  const T* Y_of(std::int64_t tile) const { return Y + tile * k * tile_row; }

  // Fills the tiles with examples `order[0]` to `order[m - 1]`, or in their own order where there is none.
  void fill(const Examples<T>& from, const std::int64_t* order) {
    for (std::int64_t s = 0; s < count() * samples; ++s) {
      const std::int64_t place = s < m ? s : m - 1, example = order != nullptr ? order[place] : place;
      const std::int64_t tile = s / samples, column = s % samples;
      for (std::int64_t i = 0; i < d; ++i)
        X[(tile * d + i) * tile_row + column] = from.X[i * from.m + example];
      for (std::int64_t j = 0; j < k; ++j)
        Y[(tile * k + j) * tile_row + column] = from.Y[j * from.m + example];
    }
  }
};

// The examples of a task, packed once for all threads.
template <class T, int B> struct Packed {
  Tiles<T> train, test;

  Packed(const Task<T>& task, Arena& arena) {
    const std::int64_t d = task.widths[0], k = task.widths[task.L];
    train = Tiles<T>(arena, d, k, task.train.m, samples_of_tile<T, B>(task.train.m));
    test = Tiles<T>(arena, d, k, task.test.m, samples_of_tile<T, B>(task.test.m));
    if (arena.base == nullptr) return;
    train.fill(task.train, nullptr);
    test.fill(task.test, nullptr);
  }
};

}  // namespace
}  // namespace firstdraw
