// Small problems as the engine reads them, with every buffer on the heap and exactly as long as the engine may know it:
// the address sanitizer sees the first element too many.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <sstream>
#include <vector>

#include "engine.hpp"
#include "philox.hpp"

namespace firstdraw::test {

template <class U> class Buffer {
 public:
  explicit Buffer(std::int64_t size, U fill = U()) : size_(size), data_(new U[static_cast<std::size_t>(size)]) {
    std::fill(begin(), end(), fill);
  }
  U* begin() const { return data_.get(); }
  U* end() const { return data_.get() + size_; }
  U& operator[](std::int64_t i) const { return data_[static_cast<std::size_t>(i)]; }
  std::int64_t size() const { return size_; }

 private:
  std::int64_t size_;
  std::unique_ptr<U[]> data_;
};

struct Options {
  std::vector<std::int64_t> widths = {3, 5, 1};
  std::vector<std::int64_t> branches = {};  // first and last layer, and whether the end is activated, one after the other
  Activation activation = Activation::tanh;
  Loss loss = Loss::binary_cross_entropy;
  Optimizer optimizer = Optimizer::sgd;
  std::int64_t m = 23, held_out = 7, batch = 0, steps = 6, every = 2, n = 2;
  double rate = 0.01;
  bool recorded = true, own_rates = false;  // whether each role has a learning rate of its own

  std::string told() const {
    std::ostringstream text;
    text << "widths";
    for (const std::int64_t width : widths) text << ' ' << width;
    if (!branches.empty()) text << ", branches";
    for (const std::int64_t number : branches) text << ' ' << number;
    text << ", activation " << int(activation) << ", loss " << int(loss) << ", optimizer " << int(optimizer) << ", m "
         << m << ", held out " << held_out << ", batch " << batch << ", steps " << steps << ", n " << n
         << (own_rates ? ", own rates" : "");
    return text.str();
  }
};

inline constexpr Activation activations[] = {
    Activation::identity, Activation::relu, Activation::leaky_relu, Activation::tanh, Activation::sigmoid,
    Activation::softplus, Activation::elu,  Activation::selu,       Activation::gelu, Activation::silu,
    Activation::sin,      Activation::erf};
inline constexpr Loss losses[] = {Loss::binary_cross_entropy, Loss::softmax_cross_entropy, Loss::squared_error};
inline constexpr Optimizer optimizers[] = {Optimizer::sgd,  Optimizer::momentum, Optimizer::nesterov,
                                           Optimizer::adam, Optimizer::adamw,    Optimizer::rmsprop};

inline std::vector<Target> targets() {
  std::vector<Target> found;
  for (const Target target : {Target::baseline, Target::avx2, Target::avx512, Target::neon})
    if (has_target(target)) found.push_back(target);
  return found;
}

template <class T> struct Problem {
  static constexpr double nan = std::numeric_limits<double>::quiet_NaN();

  Options options;
  std::int64_t L, P, R, S, batches;
  Buffer<std::int64_t> widths, branches;
  Buffer<T> X, Y, test_X, test_Y;
  Buffer<std::int64_t> labels, test_labels;
  Buffer<std::uint32_t> keys;
  Buffer<std::uint64_t> seeds;
  Buffer<std::int64_t> record_steps, snapshot_steps;
  Buffer<double> factors;
  Buffer<T> start;
  // Each record of `[n, R]` and of `[n, R, L]`, and the rest of the trajectory.
  std::vector<Buffer<double>> by_step, by_layer;
  Buffer<T> snapshots, final;
  Buffer<std::int64_t> outcome;

  explicit Problem(const Options& o)
      : options(o), L(std::int64_t(o.widths.size()) - 1), P(parameters(o)),
        R(o.recorded ? o.steps / o.every + 1 : 0), S(!o.recorded ? 0 : o.steps > 0 ? 2 : 1),
        batches(o.batch > 0 ? (o.m + o.batch - 1) / o.batch : 1), widths(L + 1),
        branches(std::int64_t(o.branches.size())), X(o.widths[0] * o.m),
        Y(o.widths.back() * o.m), test_X(o.widths[0] * o.held_out), test_Y(o.widths.back() * o.held_out), labels(o.m),
        test_labels(o.held_out), keys(2 * ((o.steps + batches - 1) / batches)), seeds(o.n), record_steps(R),
        snapshot_steps(S), factors(o.own_rates ? 2 * L + branches.size() / 3 : 0), start(o.n * P), snapshots(o.n * S * P, T(nan)),
        final(o.n * P, T(nan)), outcome(o.n * 3, -1) {
    std::copy(o.widths.begin(), o.widths.end(), widths.begin());
    std::copy(o.branches.begin(), o.branches.end(), branches.begin());
    fill(X, Y, labels, o.m, 1);
    fill(test_X, test_Y, test_labels, o.held_out, 2);
    for (std::int64_t i = 0; i < keys.size(); ++i) keys[i] = std::uint32_t(i * 2654435761u);
    for (std::int64_t k = 0; k < o.n; ++k) {
      seeds[k] = std::uint64_t(k);
      std::int64_t at = k * P;
      for (std::int64_t l = 0; l < L; ++l) {
        const double scale = 2 / std::sqrt(double(widths[l]));
        for (std::int64_t i = 0; i < widths[l + 1] * (widths[l] + 1); ++i, ++at)
          start[at] = T((uniform(at - k * P, seeds[k], 3, 4) - 0.5) * scale);
        for (std::size_t i = 1; i < o.branches.size(); i += 3)
          if (o.branches[i] == l + 1) start[at++] = T(0.7);
      }
    }
    for (std::int64_t i = 0; i < factors.size(); ++i) factors[i] = 0.5 * double(i % 4);
    for (std::int64_t row = 0; row < R; ++row) record_steps[row] = row * o.every;
    if (S > 1) snapshot_steps[1] = o.steps;
    for (int i = 0; i < 5; ++i) by_step.emplace_back(o.n * R, nan), by_layer.emplace_back(o.n * R * L, nan);
  }

  static std::int64_t parameters(const Options& o) {
    std::int64_t P = std::int64_t(o.branches.size()) / 3;
    for (std::size_t l = 0; l + 1 < o.widths.size(); ++l) P += o.widths[l + 1] * (o.widths[l] + 1);
    return P;
  }

  Task<T> task() const {
    Task<T> task;
    task.widths = widths.begin();
    task.L = int(L);
    task.branch = branches.begin();
    task.branches = int(branches.size() / 3);
    task.activation = options.activation;
    task.slope = options.activation == Activation::elu ? 1 : 0.1;
    task.loss = options.loss;
    task.optimizer = {options.optimizer, options.rate, 0.9, 0.9, 0.999, 0.99, 0.01, 1e-8};
    if (options.own_rates) task.rate_factors = factors.begin();
    task.train = {X.begin(), Y.begin(), is_regression() ? nullptr : labels.begin(), options.m};
    if (options.held_out > 0)
      task.test = {test_X.begin(), test_Y.begin(), is_regression() ? nullptr : test_labels.begin(), options.held_out};
    task.steps = options.steps;
    task.batch = options.batch;
    task.epoch_keys = keys.begin();
    task.seeds = seeds.begin();
    task.record_steps = record_steps.begin();
    task.R = R;
    task.snapshot_steps = snapshot_steps.begin();
    task.S = S;
    task.n = options.n;
    task.P = P;
    task.start = start.begin();
    task.records = {by_step[0].begin(),  by_step[1].begin(),  by_step[2].begin(),  by_step[3].begin(),
                    by_step[4].begin(),  by_layer[0].begin(), by_layer[1].begin(), by_layer[2].begin(),
                    by_layer[3].begin(), by_layer[4].begin(), snapshots.begin(),   final.begin(),
                    outcome.begin()};
    return task;
  }

  bool train(Target target, int threads = 1) const {
    return firstdraw::train<T>(task(), threads, target, [](std::int64_t) { return true; });
  }

  bool is_regression() const { return options.loss == Loss::squared_error && options.widths.back() > 1; }

 private:
  // Inputs of unit size, and targets that they determine: a class, or a number.
  void fill(const Buffer<T>& to_X, const Buffer<T>& to_Y, const Buffer<std::int64_t>& to_labels, std::int64_t m,
            std::uint32_t key) const {
    const std::int64_t d = options.widths.front(), k = options.widths.back(), classes = std::max<std::int64_t>(k, 2);
    for (std::int64_t i = 0; i < to_X.size(); ++i) to_X[i] = T((uniform(i, 7, key, 0) - 0.5) * 3);
    for (std::int64_t s = 0; s < m; ++s) {
      double sum = 0;
      for (std::int64_t i = 0; i < d; ++i) sum += double(to_X[i * m + s]);
      to_labels[s] = std::int64_t(std::floor(std::fabs(sum) * 2)) % classes;
      for (std::int64_t j = 0; j < k; ++j)
        to_Y[j * m + s] = is_regression() ? T(std::sin(sum + double(j))) : T(k == 1 ? to_labels[s] : to_labels[s] == j);
    }
  }
};

// The largest difference of two buffers, as a share of the numbers' size or of 1; infinite where one is no number.
template <class U> double difference(const Buffer<U>& one, const Buffer<U>& other) {
  double largest = 0;
  for (std::int64_t i = 0; i < one.size(); ++i) {
    const double a = double(one[i]), b = double(other[i]);
    if (std::isnan(a) && std::isnan(b)) continue;
    const double difference = std::fabs(a - b) / std::max(1.0, std::max(std::fabs(a), std::fabs(b)));
    largest = std::isnan(difference) ? std::numeric_limits<double>::infinity() : std::max(largest, difference);
  }
  return largest;
}

template <class U> bool finite(const Buffer<U>& numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](U x) { return std::isfinite(double(x)); });
}

}  // namespace firstdraw::test
