// A task from Python: every rule that the engine relies on, from the widths to the shape of the last record.
#pragma once

#include <limits>

#include "arguments.hpp"
#include "engine.hpp"

namespace firstdraw {

// As `firstdraw.rules` has it: counts above this are errors, and sums and products of a few of them do not overflow.
constexpr std::int64_t largest_count = std::int64_t(1) << 48;

// What is not a number is not at most this, nor is infinity.
constexpr double largest_factor = std::numeric_limits<double>::max();

// More than any machine has cores; a thread takes a stack and a workspace.
constexpr int most_threads = 1024;

inline Target target_of(int code) {
  check(code >= 0 && code <= static_cast<int>(Target::neon) && has_target(static_cast<Target>(code)), "target",
        "an instruction set of this machine", code);
  return static_cast<Target>(code);
}

// The steps at which something is written down: in order, each once.
inline const std::int64_t* steps_of(Arguments& settings, const char* name, std::int64_t last, std::int64_t* count) {
  const auto array = settings.array<const std::int64_t>(name, {any_length});
  *count = static_cast<std::int64_t>(array.shape(0));
  const std::int64_t* const steps = array.data();
  for (std::int64_t i = 0; i < *count; ++i)
    check(steps[i] >= (i == 0 ? 0 : steps[i - 1] + 1) && steps[i] <= last, name,
          "ascending steps from 0 to " + std::to_string(last), steps[i]);
  return steps;
}

// The residual branches, in order and side by side, none around the last layer, each as wide at its end as before it.
template <class T> void read_branches(Arguments& settings, Task<T>& task) {
  const auto branch = settings.array<const std::int64_t>("branches", {any_length, 3});
  check(static_cast<std::int64_t>(branch.shape(0)) < task.L, "branches", "fewer than the layers", branch.shape(0));
  task.branch = branch.data();
  task.branches = static_cast<int>(branch.shape(0));
  std::int64_t free = 1;
  for (int k = 0; k < task.branches; ++k) {
    const std::int64_t first = task.branch[3 * k], last = task.branch[3 * k + 1], activated = task.branch[3 * k + 2];
    check(first >= free, "branches", "in order, the next from layer " + std::to_string(free) + " on", first);
    check(last >= first && last < task.L, "branches",
          "such that each ends at or after its first layer and before the last layer", last);
    check(task.widths[first - 1] == task.widths[last], "branches",
          "such that each ends as wide as it begins, " + std::to_string(task.widths[first - 1]), task.widths[last]);
    check(activated == 0 || activated == 1, "branches", "such that the third numbers are 0 or 1", activated);
    free = last + 1;
  }
  task.P += task.branches;
}

template <class T> void read_network(Arguments& settings, Task<T>& task) {
  const auto widths = settings.array<const std::int64_t>("widths", {any_length});
  check(widths.shape(0) >= 2 && widths.shape(0) <= 65536, "widths", "2 to 65536 numbers", widths.shape(0));
  task.widths = widths.data();
  task.L = static_cast<int>(widths.shape(0)) - 1;
  for (int l = 0; l <= task.L; ++l)
    check(task.widths[l] >= 1 && task.widths[l] <= INT32_MAX, "widths", "integers from 1 to 2^31 - 1", task.widths[l]);
  for (int l = 0; l < task.L; ++l) {
    task.P += task.widths[l + 1] * (task.widths[l] + 1);
    check(task.P <= largest_count, "widths", "those of at most 2^48 parameters", task.P);
  }
  read_branches(settings, task);
  task.activation =
      static_cast<Activation>(settings.integer("activation", 0, static_cast<std::int64_t>(Activation::erf)));
  task.slope = settings.number("slope");
  task.loss = static_cast<Loss>(settings.integer("loss", 0, static_cast<std::int64_t>(Loss::squared_error)));
  check(task.loss != Loss::binary_cross_entropy || task.widths[task.L] == 1, "widths",
        "such that binary cross-entropy has one output", task.widths[task.L]);
}

template <class T> void read_examples(Arguments& part, const Task<T>& task, Examples<T>& examples) {
  const auto X = part.array<const T>("X", {task.widths[0], any_length});
  examples.m = static_cast<std::int64_t>(X.shape(1));
  check(examples.m >= 1, "X", "one example or more", examples.m);
  examples.X = X.data();
  examples.Y = part.data<const T>("Y", {task.widths[task.L], examples.m});
  // A label is compared, never used as an index.
  if (part.has("labels")) examples.labels = part.data<const std::int64_t>("labels", {examples.m});
}

template <class T> void read_steps(Arguments& settings, Task<T>& task) {
  task.optimizer = {
      static_cast<Optimizer>(settings.integer("optimizer", 0, static_cast<std::int64_t>(Optimizer::rmsprop))),
      settings.number("learning_rate"),
      settings.number("momentum"),
      settings.number("beta_1"),
      settings.number("beta_2"),
      settings.number("decay"),
      settings.number("weight_decay"),
      settings.number("epsilon")};
  if (settings.has("learning_rate_factors")) {
    const std::int64_t roles = 2 * task.L + task.branches;
    task.rate_factors = settings.data<const double>("learning_rate_factors", {roles});
    for (std::int64_t i = 0; i < roles; ++i)
      check(task.rate_factors[i] >= 0 && task.rate_factors[i] <= largest_factor, "learning_rate_factors",
            "finite numbers of at least 0", task.rate_factors[i]);
  }
  task.steps = settings.integer("steps", 0, largest_count);
  task.batch = settings.integer("batch", 0, largest_count);
  const auto keys = settings.array<const std::uint32_t>("epoch_keys", {any_length, 2});
  if (task.batch > 0 && task.batch < task.train.m) {
    const std::int64_t batches = (task.train.m + task.batch - 1) / task.batch;
    const std::int64_t epochs = (task.steps + batches - 1) / batches;
    check(static_cast<std::int64_t>(keys.shape(0)) >= epochs, "epoch_keys",
          "a key for each of " + std::to_string(epochs) + " epochs", keys.shape(0));
  }
  task.epoch_keys = keys.data();
  task.seeds = settings.data<const std::uint64_t>("seeds", {task.n});
  task.record_steps = steps_of(settings, "record_steps", task.steps, &task.R);
  task.snapshot_steps = steps_of(settings, "snapshot_steps", task.steps, &task.S);
}

template <class T> void read_records(Arguments& arrays, Task<T>& task) {
  const std::int64_t n = task.n, R = task.R, L = task.L;
  task.records = {arrays.data<double>("cost", {n, R}),
                  arrays.data<double>("textbook_cost", {n, R}),
                  arrays.data<double>("test_cost", {n, R}),
                  arrays.data<double>("train_accuracy", {n, R}),
                  arrays.data<double>("test_accuracy", {n, R}),
                  arrays.data<double>("activation_rms", {n, R, L}),
                  arrays.data<double>("gradient_rms", {n, R, L}),
                  arrays.data<double>("weight_rms", {n, R, L}),
                  arrays.data<double>("distinct_units", {n, R, L}),
                  arrays.data<double>("unit_difference", {n, R, L}),
                  arrays.data<T>("snapshots", {n, task.S, task.P}),
                  arrays.data<T>("final", {n, task.P}),
                  arrays.data<std::int64_t>("outcome", {n, 3})};
}

}  // namespace firstdraw
