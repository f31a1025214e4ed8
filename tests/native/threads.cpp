// Threads: the same bits whatever their number, the same bits alone and in company, and an end when asked for one.
#include <new>

#include "checks.hpp"
#include "problem.hpp"
#include "suites.hpp"

namespace firstdraw::test {
namespace {

template <class T> bool same_bits(const Problem<T>& one, const Problem<T>& other) {
  const auto same = [](const auto& a, const auto& b) {
    return a.size() == b.size() &&
           __builtin_memcmp(a.begin(), b.begin(), sizeof(*a.begin()) * std::size_t(a.size())) == 0;
  };
  bool all = same(one.final, other.final) && same(one.snapshots, other.snapshots) && same(one.outcome, other.outcome);
  for (std::size_t i = 0; i < 5; ++i)
    all = all && same(one.by_step[i], other.by_step[i]) && same(one.by_layer[i], other.by_layer[i]);
  return all;
}

template <class T> void any_number_of_networks_and_threads() {
  for (const Target target : targets())
    for (const std::int64_t batch : {0, 9})
      for (const std::int64_t n : {0, 1, 3, 20}) {
        Options options;
        options.widths = {3, 17, 5, 1};
        options.batch = batch;
        options.n = n;
        situation = "threads, " + options.told();
        const Problem<T> alone(options);
        CHECK(alone.train(target, 1));
        for (const int threads : {2, 3, 7}) {
          const Problem<T> shared(options);
          CHECK(shared.train(target, threads));
          CHECK(same_bits(alone, shared));
        }
      }
}

// The work would take minutes; `poll` stops it at once.
template <class T> void cancellation() {
  for (const int threads : {1, 3}) {
    Options options;
    options.n = 5;
    options.steps = options.every = 1'000'000'000;
    options.widths = {3, 33, 33, 1};
    situation = "cancellation, " + options.told();
    const Problem<T> problem(options);
    int calls = 0;
    const bool complete = train<T>(problem.task(), threads, best_target(), [&](std::int64_t steps) {
      CHECK(steps >= 0 && steps <= options.n * options.steps);
      return ++calls < 2;
    });
    CHECK(!complete);
    CHECK(calls >= 2);
  }
}

// No machine has room for the widths of this network; nothing of them is read.
void exhaustion() {
  situation = "exhaustion";
  Options options;
  const Problem<double> problem(options);
  Task<double> task = problem.task();
  const std::int64_t widths[] = {3, 1 << 23, 1 << 23, 1};
  task.widths = widths;
  task.L = 3;
  task.P = 4 * widths[1] + widths[2] * (widths[1] + 1) + widths[2] + 1;
  task.n = 0;
  bool refused = false;
  try {
    train<double>(task, 3, best_target(), [](std::int64_t) { return true; });
  } catch (const std::bad_alloc&) {
    refused = true;
  }
  CHECK(refused);
}

}  // namespace

void threads() {
  any_number_of_networks_and_threads<double>();
  any_number_of_networks_and_threads<float>();
  cancellation<double>();
  cancellation<float>();
  exhaustion();
}

}  // namespace firstdraw::test
