// The training of one network: the loop of the reference engine, its records and how it ends.
#pragma once

#include "batches.hpp"
#include "loss.hpp"
#include "optimizer.hpp"
#include "passes.hpp"
#include "units.hpp"

namespace firstdraw {
namespace {

// One thread's training: the memory of one network and one tile, used for one network after the other.
template <class T, int B> class Run {
  using S = Simd<T, B>;
  static constexpr int lanes = S::lanes;

 public:
  Run(const Task<T>& task, const Packed<T, B>& packed, Arena& arena)
      : task_(task), packed_(packed), L_(task.L), passes_(task, arena), batches_(task, arena) {
    P_ = round_up(task.P, lanes);
    // Reports cost a narrow network as much as a step does, and a wide one nothing.
    report_every_ = task.P < 4096 ? 32 : 1;
    theta_ = arena.take<T>(P_);
    previous_ = arena.take<T>(P_);
    g_ = arena.take<T>(P_);
    state_ = arena.take<T>(P_ * slots_of_state(task.optimizer.kind));
    if (task.rate_factors != nullptr) {
      rates_ = arena.take<T>(P_);
      if (arena.base != nullptr) spread_rates();
    }
    std::int64_t widest = 1;
    for (int l = 0; l <= L_; ++l) widest = widest < task.widths[l] ? task.widths[l] : widest;
    squares_ = arena.take<double>(L_);
    unit_parts_ = arena.take<Part<T>>(3 * (L_ + 1));
    unit_keys_ = arena.take<double>(widest);
    unit_order_ = arena.take<std::int64_t>(widest);
  }

  // Trains network number k and fills its records.
  void train(std::int64_t k) {
    network_ = k;
    const T* start = task_.start + k * task_.P;
    for (std::int64_t i = 0; i < P_; ++i) {
      theta_[i] = i < task_.P ? start[i] : T(0);
      g_[i] = 0;
    }
    for (std::int64_t i = 0; i < P_ * slots_of_state(task_.optimizer.kind); ++i) state_[i] = 0;
    batches_.restart(task_.seeds[k]);
    std::int64_t* outcome = task_.records.outcome + k * 3;
    outcome[0] = 0;
    outcome[1] = task_.steps;
    outcome[2] = 0;
    std::int64_t reported = 0, row = 0, kept = 0;
    const T* final = theta_;
    for (std::int64_t step = 0; step <= task_.steps; ++step) {
      if (row < task_.R && task_.record_steps[row] == step) {
        const int layer = record(row++);
        if (passes_.cancelled()) return;
        if (layer) {
          diverge(outcome, step, layer);
          break;
        }
      }
      if (kept < task_.S && task_.snapshot_steps[kept] == step)
        copy(theta_, task_.records.snapshots + (k * task_.S + kept++) * task_.P);
      if (step == task_.steps) break;
      gradient(batches_.full() ? packed_.train : batches_.next(), nullptr);
      if (passes_.cancelled()) return;
      if (!descend(step + 1)) {
        diverge(outcome, step + 1, first_layer_that_is_not_finite());
        final = previous_;
        break;
      }
      if ((step + 1) % report_every_ == 0) {
        __atomic_fetch_add(task_.steps_done, step + 1 - reported, __ATOMIC_RELAXED);
        reported = step + 1;
      }
    }
    copy(final, task_.records.final + k * task_.P);
    // The steps that a diverged run will not make are over and done with, too.
    __atomic_fetch_add(task_.steps_done, task_.steps - reported, __ATOMIC_RELAXED);
  }

 private:
  const Task<T>& task_;
  const Packed<T, B>& packed_;
  int L_;
  Passes<T, B> passes_;
  Batches<T, B> batches_;
  std::int64_t P_, report_every_, network_ = 0;
  T *theta_, *previous_, *g_, *state_, *rates_ = nullptr;
  Part<T>* unit_parts_;
  std::int64_t* unit_order_;
  double *squares_, *unit_keys_;

  void copy(const T* from, T* to) const {
    for (std::int64_t i = 0; i < task_.P; ++i) to[i] = from[i];
  }

  // Gives each parameter the learning rate of its role: the weight and the bias of each layer, and the multiplier of a
  // branch that ends with it.
  void spread_rates() {
    const double* factor = task_.rate_factors;
    const auto give = [&](std::int64_t first, std::int64_t end) {
      const T rate = T(task_.optimizer.learning_rate * *factor++);
      for (std::int64_t i = first; i < end; ++i) rates_[i] = rate;
    };
    for (int l = 0; l < L_; ++l) {
      const Layer& y = passes_.layer(l);
      give(y.W, y.b);
      give(y.b, y.b + y.out);
      if (y.ends_branch()) give(y.alpha, y.alpha + 1);
    }
    for (std::int64_t i = task_.P; i < P_; ++i) rates_[i] = 0;
  }

  // Makes step t of the optimizer; returns whether every new parameter is finite.
  bool descend(std::int64_t t) {
    return rates_ != nullptr
               ? update<T, B, true>(task_.optimizer, theta_, g_, state_, previous_, rates_, P_, t)
               : update<T, B, false>(task_.optimizer, theta_, g_, state_, previous_, nullptr, P_, t);
  }

  static void diverge(std::int64_t* outcome, std::int64_t step, int layer) {
    outcome[0] = 1;
    outcome[1] = step;
    outcome[2] = layer;
  }

  // Writes the gradient of the cost on a batch into g. With `costs` it also adds these and the squares of each layer's
  // output, and returns the first layer, from 1, that is not finite before its activation, else 0.
  int gradient(const Tiles<T>& batch, CostSums* costs) {
    int first_infinite = 0;
    passes_.use(theta_);
    for (std::int64_t tile = 0; tile < batch.count() && !passes_.cancelled(); ++tile) {
      const std::int64_t count = batch.examples_in(tile), samples = round_up(count, lanes);
      const T* const Y = batch.Y_of(tile);
      T* const Z = passes_.output(L_);
      const int infinite = passes_.forward(batch.X_of(tile), samples, costs != nullptr ? count : 0);
      if (costs != nullptr) {
        const std::int64_t* const labels = task_.train.labels;
        add_costs(task_.loss, Z, Y, labels ? labels + tile * batch.samples : nullptr, int(batch.k), count, *costs);
        add_squares(count);
        if (infinite && (!first_infinite || infinite < first_infinite)) first_infinite = infinite;
      }
      loss_gradient<T, B>(task_.loss, Z, Y, int(batch.k), samples, batch.m);
      for (int j = 0; j < batch.k; ++j)
        for (std::int64_t s = count; s < samples; ++s) Z[j * tile_row + s] = 0;
      passes_.backward(samples, tile == 0, g_);
    }
    passes_.collect(g_);
    return first_infinite;
  }

  // Adds the squares of each layer's output, of the examples without the padding.
  void add_squares(std::int64_t count) {
    for (int l = 0; l < L_; ++l)
      for (int j = 0; j < passes_.layer(l).out; ++j) {
        const T* a = passes_.output(l + 1) + j * tile_row;
        for (std::int64_t s = 0; s < count; ++s) squares_[l] += double(a[s]) * double(a[s]);
      }
  }

  int first_layer_that_is_not_finite() const {
    for (int l = 0; l < L_; ++l) {
      const Layer& y = passes_.layer(l);
      for (std::int64_t i = y.W; i < y.b + y.out + y.ends_branch(); ++i)
        if (!(theta_[i] - theta_[i] == 0) || !(g_[i] - g_[i] == 0)) return l + 1;
    }
    return L_;
  }

  // Fills one row of the records; returns the first layer whose output is not finite, and then records nothing.
  int record(std::int64_t row) {
    const Records<T>& to = task_.records;
    const std::int64_t at = network_ * task_.R + row;
    for (int l = 0; l < L_; ++l) squares_[l] = 0;
    CostSums costs;
    if (const int infinite = gradient(packed_.train, &costs)) return infinite;
    if (passes_.cancelled()) return 0;
    const double m = double(task_.train.m);
    to.cost[at] = costs.cost.value() / m;
    to.textbook_cost[at] = costs.textbook.value() / m;
    if (task_.train.labels) to.train_accuracy[at] = double(costs.right) / m;
    for (int l = 0; l < L_; ++l) {
      const Layer& y = passes_.layer(l);
      to.activation_rms[at * L_ + l] = __builtin_sqrt(squares_[l] / (m * y.out));
      to.gradient_rms[at * L_ + l] = rms(g_ + y.W, y.weights());
      to.weight_rms[at * L_ + l] = rms(theta_ + y.W, y.weights());
    }
    record_units(to.distinct_units + at * L_, to.unit_difference + at * L_);
    if (task_.test.m > 0) test(at);
    return 0;
  }

  // Fills in every layer's stream.
  void record_units(double* distinct, double* difference) {
    const Layer* const layer = &passes_.layer(0);
    for (int first = 0; first <= L_ && !passes_.cancelled(); ++first) {
      const bool on_another = first > 0 && layer[first - 1].ends_branch();
      if (on_another || (first == 0 && !layer[0].begins_branch)) continue;
      const Units<T> units(layer, L_, theta_, first, unit_parts_);
      // On a stream that begins with the inputs the units differ, as each carries a feature of its own.
      const double count = first > 0 ? units.distinct(unit_keys_, unit_order_) : layer[0].in;
      const double largest = units.difference();
      for (int number = first; number >= 0; number = Units<T>::next(layer, L_, number)) {
        if (number == 0) continue;
        distinct[number - 1] = count;
        difference[number - 1] = largest;
      }
    }
  }

  void test(std::int64_t at) {
    const Tiles<T>& tiles = packed_.test;
    const std::int64_t* const labels = task_.test.labels;
    CostSums costs;
    for (std::int64_t tile = 0; tile < tiles.count() && !passes_.cancelled(); ++tile) {
      const std::int64_t count = tiles.examples_in(tile);
      passes_.forward(tiles.X_of(tile), round_up(count, lanes), 0);
      add_costs(task_.loss, passes_.output(L_), tiles.Y_of(tile), labels ? labels + tile * tiles.samples : nullptr,
                int(tiles.k), count, costs);
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

}  // namespace
}  // namespace firstdraw
