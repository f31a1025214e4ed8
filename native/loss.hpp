// Losses over a tile of examples: the derivative by the outputs, and at the records the cost itself.
#pragma once

#include "elementary.hpp"
#include "product.hpp"
#include "task.hpp"

namespace firstdraw {
namespace {

// dZ = dC/dZ over a tile Z `[k, samples]`, written over Z, m the number of examples of the batch.
template <class T, int B>
void loss_gradient(Loss loss, T* Z, const T* Y, int k, std::int64_t samples, std::int64_t m) {
  using S = Simd<T, B>;
  using V = typename S::Vector;
  constexpr std::int64_t row = tile_row;
  const V share = S::broadcast(T(1.0 / double(m)));
  if (loss == Loss::binary_cross_entropy) {
    for (std::int64_t s = 0; s < samples; s += S::lanes)
      S::store(Z + s, (sigmoid<T, B>(S::load(Z + s)) - S::load(Y + s)) * share);
  } else if (loss == Loss::squared_error) {
    const V factor = S::broadcast(T(2.0 / (double(k) * double(m))));
    for (int j = 0; j < k; ++j)
      for (std::int64_t at = j * row; at < j * row + samples; at += S::lanes)
        S::store(Z + at, (S::load(Z + at) - S::load(Y + at)) * factor);
  } else {
    for (std::int64_t s = 0; s < samples; s += S::lanes) {
      V most = S::load(Z + s);
      for (int j = 1; j < k; ++j) {
        const V z = S::load(Z + j * row + s);
        most = S::select(z > most, z, most);
      }
      V total{};
      for (int j = 0; j < k; ++j) {
        const V e = exponential<T, B>(S::load(Z + j * row + s) - most);
        total += e;
        S::store(Z + j * row + s, e);
      }
      for (int j = 0; j < k; ++j) {
        T* const d = Z + j * row + s;
        S::store(d, (S::load(d) / total - S::load(Y + j * row + s)) * share);
      }
    }
  }
}

// A sum that carries what each addition rounds away, as Kahan and Neumaier do: equal costs add up to themselves.
struct CarefulSum {
  double total = 0, lost = 0;

  void add(double x) {
    const double next = total + x;
    const bool total_is_larger = __builtin_fabs(total) >= __builtin_fabs(x);
    lost += total_is_larger ? (total - next) + x : (x - next) + total;
    total = next;
  }
  // Where the total is infinite, what was lost is no number.
  double value() const { return total - total == 0 ? total + lost : total; }
};

struct CostSums {
  CarefulSum cost, textbook;
  std::int64_t right = 0;
};

// Adds the costs of the first `count` examples of a tile, overflow-safe and as textbooks write them, and how many are
// classified rightly. Runs at the records only, one example after the other, in float64.
template <class T>
void add_costs(Loss loss, const T* Z, const T* Y, const std::int64_t* labels, int k, std::int64_t count,
               CostSums& sums) {
  constexpr std::int64_t row = tile_row;
  for (std::int64_t s = 0; s < count; ++s) {
    std::int64_t best = 0;
    for (int j = 1; j < k; ++j)
      if (Z[j * row + s] > Z[best * row + s]) best = j;
    if (loss == Loss::binary_cross_entropy) {
      const double z = Z[s], y = Y[s];
      const double tail = __builtin_log1p(__builtin_exp(-__builtin_fabs(z)));
      sums.cost.add((z > 0 ? z : 0) - z * y + tail);
      const T p = T(1 / (1 + __builtin_exp(-z)));
      const double first = y != 0 ? -__builtin_log(double(p)) * y : 0;
      const double second = y != 1 ? -__builtin_log(double(T(1) - p)) * (1 - y) : 0;
      sums.textbook.add(first + second);
      best = p > T(0.5);
    } else if (loss == Loss::squared_error) {
      for (int j = 0; j < k; ++j) {
        const double e = double(Z[j * row + s]) - double(Y[j * row + s]);
        sums.cost.add(e * e / k);
        sums.textbook.add(e * e / k);
      }
      if (k == 1) best = Z[s] > T(0.5);
    } else {
      const double most = Z[best * row + s];
      double total = 0, right = 0;
      for (int j = 0; j < k; ++j) {
        total += __builtin_exp(double(Z[j * row + s]) - most);
        right += double(Z[j * row + s]) * double(Y[j * row + s]);
      }
      sums.cost.add(most + __builtin_log(total) - right);
      const T p = T(__builtin_exp(right - most) / total);
      sums.textbook.add(-__builtin_log(double(p)));
    }
    if (labels != nullptr) sums.right += best == labels[s];
  }
}

}  // namespace
}  // namespace firstdraw
