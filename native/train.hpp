// The training of one network: the loop of the reference engine, over tiles of examples that stay in the cache.
//
// A tile is a matrix with one row a unit and one column an example. All layers of a tile run forward, then backward,
// while its activations are near; the gradients of all tiles add up, and then the optimizer takes its step.
#pragma once

#include "activation.hpp"
#include "arena.hpp"
#include "loss.hpp"
#include "optimizer.hpp"
#include "philox.hpp"
#include "product.hpp"
#include "units.hpp"

namespace firstdraw {

constexpr std::int64_t round_up(std::int64_t x, std::int64_t unit) { return (x + unit - 1) / unit * unit; }

// One layer, and where its parameters lie in theta.
struct Layer {
  int in, out;
  std::int64_t W, b;
  bool lanewise;          // how its gradient is summed, see product.hpp
  std::int64_t G, G_row;  // where these sums lie, and elements from one row to the next
};

// Examples packed into tiles: tile t holds rows of `samples` elements at `t * rows * samples`.
template <class T> struct Tiles {
  T *X, *Y;
  std::int64_t m;  // examples in all of them
};

template <class T, int B> class Run {
  using S = Simd<T, B>;
  static constexpr int lanes = S::lanes;

 public:
  Run(const Task<T>& task, Arena& arena) : task_(task), L_(task.L) {
    const std::int64_t batch = task.batch > 0 && task.batch < task.train.m ? task.batch : task.train.m;
    samples_ = samples_of(batch);
    layers_ = arena.take<Layer>(L_);
    A_ = arena.take<T*>(L_ + 1);
    D_ = arena.take<T*>(L_ + 1);
    P_ = round_up(task.P, lanes);
    theta_ = arena.take<T>(P_);
    previous_ = arena.take<T>(P_);
    g_ = arena.take<T>(P_);
    state_ = arena.take<T>(P_ * slots_of_state(task.optimizer.kind));
    std::int64_t widest = 1, at = 0, sums = 0;
    for (int l = 0; l < L_; ++l) {
      const int in = int(task.widths[l]), out = int(task.widths[l + 1]);
      widest = widest < in ? in : widest;
      widest = widest < out ? out : widest;
      Layer layer{in, out, at, at + std::int64_t(in) * out, in < 2 * lanes, sums, 0};
      layer.G_row = layer.lanewise ? std::int64_t(in) * lanes : round_up(in, lanes);
      at += std::int64_t(in + 1) * out;
      sums += out * layer.G_row + std::int64_t(out) * lanes;
      T* const a = arena.take<T>(out * samples_);
      T* const d = arena.take<T>(needs_derivative() ? out * samples_ : 0);
      if (arena.base != nullptr) {
        layers_[l] = layer;
        A_[l + 1] = a;
        D_[l + 1] = d;
      }
    }
    sums_size_ = sums;
    sums_ = arena.take<T>(sums);
    dZ_ = arena.take<T>(widest * samples_);
    dA_ = arena.take<T>(widest * samples_);
    transposed_ = arena.take<T>(round_up(widest, lanes) * samples_);
    train_ = tiles(arena, task.train.m);
    test_ = tiles(arena, task.test.m);
    batch_ = tiles(arena, batch < task.train.m ? batch : 0);
    const std::int64_t shuffled = batch < task.train.m ? task.train.m : 0;
    order_ = arena.take<std::int64_t>(shuffled);
    merge_ = arena.take<std::int64_t>(shuffled);
    keys_ = arena.take<double>(shuffled);
    squares_ = arena.take<double>(L_);
    unit_keys_ = arena.take<double>(widest);
    unit_order_ = arena.take<std::int64_t>(widest);
    if (arena.base == nullptr) return;
    pack(task.train, train_);
    pack(task.test, test_);
    batch_.m = batch < task.train.m ? batch : 0;
  }

  // Trains network number k and fills its records.
  void train(std::int64_t k) {
    network_ = k;
    const T* start = task_.start + k * task_.P;
    for (std::int64_t i = 0; i < P_; ++i) theta_[i] = i < task_.P ? start[i] : T(0);
    for (std::int64_t i = 0; i < P_ * slots_of_state(task_.optimizer.kind); ++i) state_[i] = 0;
    copy(theta_, task_.records.final + k * task_.P);
    std::int64_t* outcome = task_.records.outcome + k * 3;
    outcome[0] = 0;
    outcome[1] = task_.steps;
    outcome[2] = 0;
    std::int64_t reported = 0, row = 0, kept = 0, batch_start = task_.train.m, epoch = -1;
    std::int64_t step = 0;
    for (; step <= task_.steps; ++step) {
      if (row < task_.R && task_.record_steps[row] == step) {
        const int layer = record(row++);
        if (is_cancelled()) return;
        if (layer) {
          diverge(outcome, step, layer);
          break;
        }
      }
      if (kept < task_.S && task_.snapshot_steps[kept] == step)
        copy(theta_, task_.records.snapshots + (k * task_.S + kept++) * task_.P);
      if (step == task_.steps) break;
      const Tiles<T>* batch = &train_;
      if (batch_.m > 0) {
        if (batch_start >= task_.train.m) {
          shuffle(++epoch);
          batch_start = 0;
        }
        gather(batch_start);
        batch_start += batch_.m;
        batch = &gathered_;
      }
      gradient(*batch, nullptr);
      if (is_cancelled()) return;
      const bool finite = update<T, B>(task_.optimizer, theta_, g_, state_, previous_, P_, step + 1);
      if (!finite) {
        copy(previous_, task_.records.final + k * task_.P);
        diverge(outcome, step + 1, first_layer_that_is_not_finite());
        break;
      }
      if ((step & 31) == 31) {
        __atomic_fetch_add(task_.steps_done, step + 1 - reported, __ATOMIC_RELAXED);
        reported = step + 1;
      }
    }
    if (!outcome[0] || outcome[1] == step) copy(theta_, task_.records.final + k * task_.P);
    // The steps that a diverged run will not make are over and done with, too.
    __atomic_fetch_add(task_.steps_done, task_.steps - reported, __ATOMIC_RELAXED);
  }

 private:
  const Task<T>& task_;
  int L_;
  std::int64_t samples_, P_, sums_size_, network_ = 0;
  Layer* layers_;
  T **A_, **D_;
  T *theta_, *previous_, *g_, *state_, *sums_, *dZ_, *dA_, *transposed_;
  Tiles<T> train_, test_, batch_, gathered_{};
  std::int64_t *order_, *merge_, *unit_order_;
  double *keys_, *squares_, *unit_keys_;

  // Asked before each piece of work that takes a wide network longer than a person waits: a layer of a tile, the units
  // of a layer. What the piece would have left is then of no use, and nothing that follows may look at it.
  bool is_cancelled() const { return __atomic_load_n(task_.cancelled, __ATOMIC_RELAXED) != 0; }

  bool needs_derivative() const {
    return task_.activation != Activation::relu && task_.activation != Activation::identity;
  }

  // Columns of a tile: few tiles of even size, small enough that a narrow network's activations stay in the first cache.
  static std::int64_t samples_of(std::int64_t batch) {
    const std::int64_t most = 1280 / std::int64_t(sizeof(T));
    const std::int64_t tiles = (batch + most - 1) / most;
    return round_up((batch + tiles - 1) / tiles, lanes);
  }

  Tiles<T> tiles(Arena& arena, std::int64_t m) const {
    const std::int64_t count = round_up(m, samples_);
    T* const X = arena.take<T>(task_.widths[0] * count);
    T* const Y = arena.take<T>(task_.widths[L_] * count);
    return {X, Y, m};
  }

  void pack(const Examples<T>& from, const Tiles<T>& to) const {
    for (std::int64_t s = 0; s < round_up(from.m, samples_); ++s)
      pack_example(from, s < from.m ? s : from.m - 1, to, s);
  }

  // Puts example `from_s` into column s of the tiles. Columns left over are copies of the last example: zeros could
  // overflow where no example does, and then 0 times their activations would be NaN.
  void pack_example(const Examples<T>& from, std::int64_t from_s, const Tiles<T>& to, std::int64_t s) const {
    const std::int64_t d = task_.widths[0], k = task_.widths[L_], tile = s / samples_, column = s % samples_;
    for (std::int64_t i = 0; i < d; ++i)
      to.X[(tile * d + i) * samples_ + column] = from.X[i * from.m + from_s];
    for (std::int64_t j = 0; j < k; ++j)
      to.Y[(tile * k + j) * samples_ + column] = from.Y[j * from.m + from_s];
  }

  void copy(const T* from, T* to) const {
    for (std::int64_t i = 0; i < task_.P; ++i) to[i] = from[i];
  }

  static void diverge(std::int64_t* outcome, std::int64_t step, int layer) {
    outcome[0] = 1;
    outcome[1] = step;
    outcome[2] = layer;
  }

  // The examples of epoch e in the order of the uniform draws called `batches.epoch.e`.
  void shuffle(std::int64_t epoch) {
    const std::int64_t m = task_.train.m;
    const std::uint32_t* key = task_.epoch_keys + 2 * epoch;
    for (std::int64_t i = 0; i < m; ++i) {
      order_[i] = i;
      keys_[i] = uniform(i, task_.seeds[network_], key[0], key[1]);
    }
    for (std::int64_t width = 1; width < m; width *= 2) {
      for (std::int64_t low = 0; low < m; low += 2 * width) {
        const std::int64_t middle = low + width < m ? low + width : m, high = low + 2 * width < m ? low + 2 * width : m;
        std::int64_t i = low, j = middle;
        for (std::int64_t to = low; to < high; ++to)
          merge_[to] = i < middle && (j >= high || keys_[order_[i]] <= keys_[order_[j]]) ? order_[i++] : order_[j++];
      }
      std::int64_t* const sorted = merge_;
      merge_ = order_;
      order_ = sorted;
    }
  }

  void gather(std::int64_t start) {
    const std::int64_t count = task_.train.m - start < batch_.m ? task_.train.m - start : batch_.m;
    gathered_ = {batch_.X, batch_.Y, count};
    for (std::int64_t s = 0; s < round_up(count, samples_); ++s)
      pack_example(task_.train, order_[start + (s < count ? s : count - 1)], gathered_, s);
  }

  // Runs a tile through all layers. Looks at the first `checked` examples before each activation, and returns the
  // first layer, from 1, in which one is not finite, else 0.
  int forward(const T* X, std::int64_t checked) {
    A_[0] = const_cast<T*>(X);
    int infinite = 0;
    for (int l = 0; l < L_ && !is_cancelled(); ++l) {
      const Layer& y = layers_[l];
      const auto multiply = task_.activation == Activation::relu && l + 1 < L_ && !checked
                                ? product<T, B, Start::row, Finish::rectify>
                                : product<T, B, Start::row, Finish::plain>;
      multiply({theta_ + y.W, y.in, 1}, A_[l], samples_, A_[l + 1], samples_, y.out, int(samples_ / lanes), y.in,
               theta_ + y.b, nullptr);
      if (checked && !infinite && !finite(A_[l + 1], y.out, checked)) infinite = l + 1;
      if (checked && task_.activation == Activation::relu && l + 1 < L_) rectify(A_[l + 1], y.out * samples_);
      if (l + 1 < L_) activate<T, B>(task_.activation, A_[l + 1], D_[l + 1], y.out * samples_, T(task_.slope));
    }
    return infinite;
  }

  // The rectifier by itself, where the output is looked at before it.
  static void rectify(T* Z, std::int64_t count) {
    for (std::int64_t i = 0; i < count; i += lanes) S::store(Z + i, finished<T, B, Finish::rectify>(S::load(Z + i), Z));
  }

  bool finite(const T* Z, int rows, std::int64_t count) const {
    T zeros = 0;
    for (int j = 0; j < rows; ++j)
      for (std::int64_t s = 0; s < count; ++s) zeros += Z[j * samples_ + s] * T(0);
    return zeros == 0;
  }

  // Writes the gradient of the cost on a batch into g. With `costs` it also adds these and the squares of each layer's
  // output, and returns the first layer, from 1, that is not finite before its activation, else 0.
  int gradient(const Tiles<T>& batch, CostSums* costs) {
    const int k = int(task_.widths[L_]);
    int first_infinite = 0;
    for (std::int64_t i = 0; i < sums_size_; ++i) sums_[i] = 0;
    for (std::int64_t from = 0; from < batch.m; from += samples_) {
      const std::int64_t tile = from / samples_, count = batch.m - from < samples_ ? batch.m - from : samples_;
      const T* Y = batch.Y + tile * k * samples_;
      if (is_cancelled()) return 0;
      const int infinite = forward(batch.X + tile * task_.widths[0] * samples_, costs != nullptr ? count : 0);
      if (costs != nullptr) {
        add_costs(task_.loss, A_[L_], Y, task_.train.labels ? task_.train.labels + from : nullptr, k, samples_, count,
                  *costs);
        add_squares(count);
        if (infinite && (!first_infinite || infinite < first_infinite)) first_infinite = infinite;
      }
      loss_gradient<T, B>(task_.loss, A_[L_], Y, dZ_, k, samples_, batch.m);
      for (int j = 0; j < k; ++j)
        for (std::int64_t s = count; s < samples_; ++s) dZ_[j * samples_ + s] = 0;
      backward();
    }
    collect();
    return first_infinite;
  }

  // Adds the squares of each layer's output, of the examples without the padding.
  void add_squares(std::int64_t count) {
    for (int l = 0; l < L_; ++l)
      for (int j = 0; j < layers_[l].out; ++j) {
        const T* a = A_[l + 1] + j * samples_;
        for (std::int64_t s = 0; s < count; ++s) squares_[l] += double(a[s]) * double(a[s]);
      }
  }

  void backward() {
    const auto multiply_derivative =
        task_.activation == Activation::identity ? product<T, B, Start::zero, Finish::plain>
        : task_.activation == Activation::relu   ? product<T, B, Start::zero, Finish::where_positive>
                                                 : product<T, B, Start::zero, Finish::times>;
    for (int l = L_ - 1; l >= 0 && !is_cancelled(); --l) {
      const Layer& y = layers_[l];
      T* const G = sums_ + y.G;
      T* const bias_sums = G + y.out * y.G_row;
      if (y.lanewise) {
        lanewise_product<T, B>(dZ_, A_[l], samples_, y.out, y.in, int(samples_ / lanes), G, bias_sums);
      } else {
        lanewise_sums<T, B>(dZ_, samples_, y.out, int(samples_ / lanes), bias_sums);
        transpose(A_[l], y.in, y.G_row);
        product<T, B, Start::there>({dZ_, samples_, 1}, transposed_, y.G_row, G, y.G_row, y.out, int(y.G_row / lanes),
                                    int(samples_));
      }
      if (l == 0) return;
      multiply_derivative({theta_ + y.W, 1, y.in}, dZ_, samples_, dA_, samples_, y.in, int(samples_ / lanes), y.out,
                          nullptr, task_.activation == Activation::relu ? A_[l] : D_[l]);
      T* const old = dZ_;
      dZ_ = dA_;
      dA_ = old;
    }
  }

  // transposed = A^T, each row padded with zeros.
  void transpose(const T* A, int rows, std::int64_t row) {
    constexpr int block = 8;
    for (std::int64_t s = 0; s < samples_; s += block)
      for (int i = 0; i < row; i += block)
        for (int r = i; r < i + block && r < row; ++r)
          for (std::int64_t c = s; c < s + block && c < samples_; ++c)
            transposed_[c * row + r] = r < rows ? A[r * samples_ + c] : T(0);
  }

  // Gathers the sums into g, in the order of theta.
  void collect() {
    for (int l = 0; l < L_; ++l) {
      const Layer& y = layers_[l];
      const T* const G = sums_ + y.G;
      for (int j = 0; j < y.out; ++j) {
        T* const g = g_ + y.W + std::int64_t(j) * y.in;
        for (int i = 0; i < y.in; ++i)
          g[i] = y.lanewise ? S::sum(S::load(G + j * y.G_row + i * lanes)) : G[j * y.G_row + i];
        g_[y.b + j] = S::sum(S::load(G + y.out * y.G_row + j * lanes));
      }
    }
    for (std::int64_t i = task_.P; i < P_; ++i) g_[i] = 0;
  }

  int first_layer_that_is_not_finite() const {
    for (int l = 0; l < L_; ++l)
      for (std::int64_t i = layers_[l].W; i < layers_[l].b + layers_[l].out; ++i)
        if (!(theta_[i] - theta_[i] == 0) || !(g_[i] - g_[i] == 0)) return l + 1;
    return L_;
  }

  // Fills one row of the records; returns the first layer whose output is not finite, and then records nothing.
  int record(std::int64_t row) {
    const Records<T>& to = task_.records;
    const std::int64_t at = network_ * task_.R + row;
    for (int l = 0; l < L_; ++l) squares_[l] = 0;
    CostSums costs;
    if (const int infinite = gradient(train_, &costs)) return infinite;
    if (is_cancelled()) return 0;
    const double m = double(task_.train.m);
    to.cost[at] = costs.cost.value() / m;
    to.textbook_cost[at] = costs.textbook.value() / m;
    if (task_.train.labels) to.train_accuracy[at] = double(costs.right) / m;
    for (int l = 0; l < L_ && !is_cancelled(); ++l) {
      const Layer& y = layers_[l];
      to.activation_rms[at * L_ + l] = __builtin_sqrt(squares_[l] / (m * y.out));
      to.gradient_rms[at * L_ + l] = rms(g_ + y.W, y.b - y.W);
      to.weight_rms[at * L_ + l] = rms(theta_ + y.W, y.b - y.W);
      const bool last = l + 1 == L_;
      const Units<T> units{theta_ + y.W, theta_ + y.b, last ? nullptr : theta_ + layers_[l + 1].W,
                           y.out, y.in, last ? 0 : layers_[l + 1].out};
      to.unit_difference[at * L_ + l] = unit_difference(units);
      to.distinct_units[at * L_ + l] = distinct_units(units, unit_keys_, unit_order_);
    }
    if (task_.test.m > 0) test(at);
    return 0;
  }

  void test(std::int64_t at) {
    const int k = int(task_.widths[L_]);
    CostSums costs;
    for (std::int64_t from = 0; from < task_.test.m && !is_cancelled(); from += samples_) {
      const std::int64_t tile = from / samples_;
      const std::int64_t count = task_.test.m - from < samples_ ? task_.test.m - from : samples_;
      forward(test_.X + tile * task_.widths[0] * samples_, 0);
      add_costs(task_.loss, A_[L_], test_.Y + tile * k * samples_,
                task_.test.labels ? task_.test.labels + from : nullptr, k, samples_, count, costs);
    }
    task_.records.test_cost[at] = costs.cost.value() / double(task_.test.m);
    if (task_.test.labels) task_.records.test_accuracy[at] = double(costs.right) / double(task_.test.m);
  }

  static double rms(const T* x, std::int64_t count) {
    double total = 0;
    for (std::int64_t i = 0; i < count; ++i) total += double(x[i]) * double(x[i]);
    return __builtin_sqrt(total / double(count));
  }
};

}  // namespace firstdraw
