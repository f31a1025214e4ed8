// What one call trains: the problem, the start of every network, and where the records go. Plain data.
#pragma once

#include <cstdint>

namespace firstdraw {

enum class Activation { identity, relu, leaky_relu, tanh, sigmoid, softplus, elu, selu, gelu, silu, sin, erf };
enum class Loss { binary_cross_entropy, softmax_cross_entropy, squared_error };
enum class Optimizer { sgd, momentum, nesterov, adam, adamw, rmsprop };

// Examples as columns: X `[d, m]`, Y `[k, m]`, row by row; labels are null for a regression.
template <class T> struct Examples {
  const T* X = nullptr;
  const T* Y = nullptr;
  const std::int64_t* labels = nullptr;
  std::int64_t m = 0;
};

// The settings of an optimizer; each uses those that its equation names.
struct OptimizerSettings {
  Optimizer kind = Optimizer::sgd;
  double learning_rate = 0;
  double momentum = 0;
  double beta_1 = 0, beta_2 = 0;
  double decay = 0, weight_decay = 0, epsilon = 0;
};

// The arrays of the trajectory, each with the networks first: `[n, R]`, `[n, R, L]`, `[n, S, P]`, `[n, P]`.
template <class T> struct Records {
  double *cost, *textbook_cost, *test_cost, *train_accuracy, *test_accuracy;
  double *activation_rms, *gradient_rms, *weight_rms, *distinct_units, *unit_difference;
  T* snapshots;
  T* final;
  std::int64_t* outcome;  // `[n, 3]`: diverged, step, layer
};

template <class T> struct Task {
  const std::int64_t* widths = nullptr;  // `[L + 1]`
  int L = 0;
  // `[branches, 3]`: the first and the last layer, from 1, and whether the end is activated.
  const std::int64_t* branch = nullptr;
  int branches = 0;
  Activation activation = Activation::relu;
  double slope = 0;  // leaky_relu's slope, elu's alpha
  Loss loss = Loss::binary_cross_entropy;
  OptimizerSettings optimizer;
  // A factor of the learning rate for each role: W and b of every layer, and alpha where a branch ends; null for 1.
  const double* rate_factors = nullptr;
  Examples<T> train, test;
  std::int64_t steps = 0;
  std::int64_t batch = 0;                    // examples a step; 0 for all
  const std::uint32_t* epoch_keys = nullptr;  // `[epochs, 2]`: the Philox keys of the shuffles
  const std::uint64_t* seeds = nullptr;       // `[n]`
  const std::int64_t* record_steps = nullptr;
  std::int64_t R = 0;
  const std::int64_t* snapshot_steps = nullptr;
  std::int64_t S = 0;
  std::int64_t n = 0, P = 0;
  const T* start = nullptr;  // `[n, P]`
  Records<T> records{};
  std::int64_t* steps_done = nullptr;  // shared by all threads; read and written atomically
  const int* cancelled = nullptr;      // likewise
};

}  // namespace firstdraw
