// Training over the whole space of problems: results that are numbers, equal on every instruction set, from buffers
// whose ends the sanitizers watch.
#include "checks.hpp"
#include "problem.hpp"
#include "suites.hpp"

namespace firstdraw::test {
namespace {

// Adam and RMSprop divide by the size of the gradient, and so make rounding errors of tiny gradients as large as a
// step: what they reach is compared only in float64.
bool divides(Optimizer kind) {
  return kind == Optimizer::adam || kind == Optimizer::adamw || kind == Optimizer::rmsprop;
}

// A few steps round a few hundred times, each by 1e-16 (6e-8) of numbers near 1; what a division enlarges has slack.
template <class T> double tolerance(Optimizer kind) {
  if (sizeof(T) == 4) return divides(kind) ? 0.2 : 1e-4;
  return divides(kind) ? 1e-5 : 1e-11;
}

template <class T> void trains_alike_everywhere(const Options& options, int threads = 1) {
  situation = options.told() + (sizeof(T) == 4 ? ", float32" : ", float64");
  const Problem<T> first(options);
  const auto all = targets();
  CHECK(first.train(all[0], threads));
  CHECK(finite(first.final));
  for (std::int64_t k = 0; k < options.n; ++k) {
    CHECK(first.outcome[k * 3] == 0);
    CHECK(first.outcome[k * 3 + 1] == options.steps);
  }
  for (const int record : {0, 1, 2, 3, 4}) {
    const bool of_the_test = record == 2 || record == 4, accuracy = record >= 3;
    const bool there = (options.held_out > 0 || !of_the_test) && !(accuracy && first.is_regression());
    if (record == 1) continue;  // the textbook's cost is infinite where a probability rounds to 0
    for (const double x : first.by_step[std::size_t(record)]) CHECK(std::isnan(x) == !there);
    CHECK(finite(first.by_layer[std::size_t(record)]));
  }
  CHECK(finite(first.snapshots));
  for (std::size_t i = 1; i < all.size(); ++i) {
    const Problem<T> other(options);
    CHECK(other.train(all[i], threads));
    CHECK(difference(first.final, other.final) <= tolerance<T>(options.optimizer));
    CHECK(difference(first.by_step[0], other.by_step[0]) <= tolerance<T>(options.optimizer));
  }
}

template <class T> void every_rule() {
  for (const Activation activation : activations)
    for (const Loss loss : losses)
      for (const Optimizer optimizer : optimizers)
        for (const std::int64_t batch : {0, 9}) {
          Options options;
          options.widths = {3, 5, loss == Loss::binary_cross_entropy ? 1 : 3};
          options.activation = activation;
          options.loss = loss;
          options.optimizer = optimizer;
          options.batch = batch;
          trains_alike_everywhere<T>(options);
        }
}

// From one element to several vectors and register blocks, none of them a multiple of a vector.
template <class T> void every_width(bool quick) {
  std::vector<std::int64_t> odd = {1, 3, 17};
  if (!quick) odd = {1, 2, 3, 5, 17, 33, 130};
  for (const std::int64_t in : odd)
    for (const std::int64_t hidden : odd)
      for (const Activation activation : {Activation::relu, Activation::gelu, Activation::identity})
        for (const std::int64_t out : {std::int64_t(1), std::int64_t(4), hidden}) {
          Options options;
          options.widths = {in, hidden, out};
          options.activation = activation;
          options.loss = out == 1 ? Loss::binary_cross_entropy : Loss::softmax_cross_entropy;
          options.m = 19;
          options.steps = 2;
          options.every = 1;
          options.n = 1;
          trains_alike_everywhere<T>(options);
        }
}

// Branches of one and of two layers, activated at their end or not, beside each other, from the inputs on, and wide.
template <class T> void every_branch() {
  for (const Activation activation : activations)
    for (const std::int64_t activated : {0, 1})
      for (const std::int64_t width : {4, 33}) {
        Options options;
        options.widths = {width, width, width, width, width, 1};
        options.activation = activation;
        options.m = width == 4 ? 333 : 21;
        options.steps = 2;
        options.every = 1;
        options.n = 1;
        options.branches = {1, 1, activated, 2, 3, activated};
        trains_alike_everywhere<T>(options);
        options.branches = {3, 4, activated};
        trains_alike_everywhere<T>(options);
      }
}

// Batches around the ends of vectors and of tiles (320 examples), and no hidden layer.
template <class T> void every_number_of_examples(bool quick) {
  for (const std::int64_t m : {1, 2, 7, 16, 17, 160, 319, 320, 321, 641, quick ? 3 : 1000})
    for (const std::int64_t batch : {0, 1, 5, 320, 321, 999})
      for (const std::int64_t held_out : {std::int64_t(0), std::int64_t(1), m + 1}) {
        Options options;
        options.m = m;
        options.batch = batch;
        options.held_out = held_out;
        options.steps = 3;
        options.n = 1;
        if (m % 2) options.widths = {2, 1};
        trains_alike_everywhere<T>(options);
      }
}

// A learning rate for each weight, bias and multiplier, 0 among them.
template <class T> void every_rate() {
  for (const Optimizer optimizer : optimizers)
    for (const std::int64_t width : {4, 33}) {
      Options options;
      options.widths = {3, width, width, width, 1};
      options.branches = {2, 3, 0};
      options.optimizer = optimizer;
      options.own_rates = true;
      trains_alike_everywhere<T>(options);
    }
}

template <class T> void deep_and_unrecorded() {
  Options options;
  options.widths = {2, 4, 3, 6, 1, 5, 2, 3, 7, 2, 1};
  options.every = 1;
  trains_alike_everywhere<T>(options);
  options.recorded = false;
  trains_alike_everywhere<T>(options);
  options.steps = 0;
  trains_alike_everywhere<T>(options);
  options.recorded = true;
  trains_alike_everywhere<T>(options);
}

template <class T> void divergence() {
  for (const Target target : targets())
    for (const std::int64_t every : {1, 100}) {
      Options options;
      options.widths = {3, 9, 1};
      options.activation = Activation::relu;
      options.loss = Loss::squared_error;
      options.rate = 1e8;
      options.steps = 100;
      options.every = every;
      options.n = 3;
      situation = "divergence, " + options.told();
      const Problem<T> problem(options);
      problem.start[problem.P] = T(NAN);
      CHECK(problem.train(target));
      for (std::int64_t k = 0; k < 3; ++k) CHECK(problem.outcome[k * 3] == 1);
      CHECK(problem.outcome[4] == 0 && problem.outcome[5] == 1);
      CHECK(problem.outcome[1] > 0 && problem.outcome[1] < 100);
      for (std::int64_t i = 0; i < problem.P; ++i) CHECK(std::isfinite(double(problem.final[i])));
    }
}

// One step of plain gradient descent at rate 1 is the gradient; the cost of networks that start a little beside each
// other, by central differences, is the same. Errors: h^2 = 1e-8 times a third derivative, and rounding / h = 1e-12.
void gradients() {
  constexpr double h = 1e-4;
  for (const Target target : targets())
    for (const Activation activation : activations) {
      if (activation == Activation::relu || activation == Activation::leaky_relu) continue;  // a corner may be near
      for (const Loss loss : losses) {
        Options options;
        options.widths = {3, 5, 6, 5, 5, loss == Loss::binary_cross_entropy ? 1 : 3};
        options.branches = {2, 3, 0, 4, 4, 1};
        options.activation = activation;
        options.loss = loss;
        options.rate = 1;
        options.steps = options.every = 1;
        options.m = 170;
        const std::int64_t P = Problem<double>::parameters(options);
        options.n = 1 + 2 * P;
        situation = "gradient, " + options.told();
        const Problem<double> problem(options);
        for (std::int64_t k = 1; k < options.n; ++k) {
          std::copy(problem.start.begin(), problem.start.begin() + P, problem.start.begin() + k * P);
          problem.start[k * P + (k - 1) / 2] += k % 2 ? h : -h;
        }
        CHECK(problem.train(target));
        for (std::int64_t i = 0; i < P; ++i) {
          const auto cost = [&](std::int64_t k) { return problem.by_step[0][k * problem.R]; };
          const double measured = (cost(1 + 2 * i) - cost(2 + 2 * i)) / (2 * h);
          CHECK(std::fabs(problem.start[i] - problem.final[i] - measured) <= 1e-7);
        }
      }
    }
}

}  // namespace

void training(bool quick) {
  every_rule<double>();
  every_width<double>(quick);
  every_number_of_examples<double>(quick);
  every_branch<double>();
  every_rate<double>();
  deep_and_unrecorded<double>();
  divergence<double>();
  every_rule<float>();
  every_width<float>(quick);
  every_number_of_examples<float>(quick);
  every_branch<float>();
  every_rate<float>();
  deep_and_unrecorded<float>();
  divergence<float>();
  gradients();
}

}  // namespace firstdraw::test
