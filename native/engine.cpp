#include "engine.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace firstdraw {
namespace {

// The functions of one instruction set.
template <class T> struct Kernels {
  std::int64_t (*packed_bytes)(const Task<T>&);
  void* (*pack)(const Task<T>&, char*);
  std::int64_t (*bytes)(const Task<T>&);
  void* (*make)(const Task<T>&, const void*, char*);
  void (*train)(void*, std::int64_t);
  double (*multiply_adds)(std::int64_t);
  void (*evaluate)(Function, const T*, T*, std::int64_t);
};

template <class T, int B> constexpr Kernels<T> kernels_of_width() {
  return {packed_bytes<T, B>, make_packed<T, B>,      workspace_bytes<T, B>, make_run<T, B>,
          train_network<T, B>, multiply_adds<T, B>, evaluate<T, B>};
}

template <class T> Kernels<T> kernels([[maybe_unused]] Target target) {
#if defined(__x86_64__)
  if (target == Target::avx512) return kernels_of_width<T, 64>();
  if (target == Target::avx2) return kernels_of_width<T, 32>();
#endif
  return kernels_of_width<T, 16>();
}

struct Freed {
  void operator()(char* memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<char, Freed>;

// A lack of memory that says how much was asked for.
class NoRoom : public std::bad_alloc {
 public:
  NoRoom(int threads, std::int64_t bytes)
      : sentence_("there is no room for the workspaces of " + std::to_string(threads) + " threads, " +
                  std::to_string(bytes) + " bytes each; fewer threads, narrower layers or smaller batches need less") {}
  const char* what() const noexcept override { return sentence_.c_str(); }

 private:
  std::string sentence_;
};

Memory take(int threads, std::int64_t bytes) {
  Memory memory(static_cast<char*>(std::aligned_alloc(64, static_cast<std::size_t>((bytes + 63) / 64 * 64))));
  if (!memory) throw NoRoom(threads, bytes);
  return memory;
}

}  // namespace

template <class T>
bool train(Task<T> task, int threads, Target target, const std::function<bool(std::int64_t)>& poll) {
  const Kernels<T> kernel = kernels<T>(target);
  std::int64_t steps_done = 0;
  int cancelled = 0;
  task.steps_done = &steps_done;
  task.cancelled = &cancelled;

  // All memory is taken before any thread starts, so that a lack of it is an exception and not half a result.
  const Memory examples = take(1, kernel.packed_bytes(task));
  const void* const packed = kernel.pack(task, examples.get());
  std::vector<Memory> memory;
  for (int thread = 0; thread < threads; ++thread) memory.push_back(take(threads, kernel.bytes(task)));
  std::atomic<std::int64_t> next{0};
  int working = threads;
  std::mutex mutex;
  std::condition_variable finished;
  std::vector<std::thread> workers;
  const auto work = [&](char* workspace) {
    void* const run = kernel.make(task, packed, workspace);
    const auto stopped = [&] { return __atomic_load_n(&cancelled, __ATOMIC_RELAXED) != 0; };
    for (std::int64_t network; (network = next.fetch_add(1)) < task.n && !stopped();) kernel.train(run, network);
    const std::lock_guard<std::mutex> lock(mutex);
    if (--working == 0) finished.notify_one();
  };
  workers.reserve(static_cast<std::size_t>(threads));
  try {
    for (const auto& workspace : memory) workers.emplace_back(work, workspace.get());
  } catch (const std::system_error&) {
    // The machine starts no more threads: those that there are train all networks, with the same results.
    if (workers.empty()) throw;
    const std::lock_guard<std::mutex> lock(mutex);
    working -= threads - static_cast<int>(workers.size());
  }
  const auto all_ended = [&] {
    std::unique_lock<std::mutex> lock(mutex);
    return finished.wait_for(lock, std::chrono::milliseconds(50), [&] { return working == 0; });
  };
  while (!all_ended())
    if (!poll(__atomic_load_n(&steps_done, __ATOMIC_RELAXED))) __atomic_store_n(&cancelled, 1, __ATOMIC_RELAXED);
  for (std::thread& worker : workers) worker.join();
  if (!cancelled && !poll(steps_done)) cancelled = 1;
  return !cancelled;
}

template <class T> void evaluate_on(Target target, Function function, const T* x, T* y, std::int64_t count) {
  kernels<T>(target).evaluate(function, x, y, count);
}

template <class T> double measured_peak(Target target) {
  const Kernels<T> kernel = kernels<T>(target);
  const int bytes = target == Target::avx512 ? 64 : target == Target::avx2 ? 32 : 16;
  const std::int64_t rounds = 2'000'000;
  double best = 0;
  for (int trial = 0; trial < 5; ++trial) {
    const auto start = std::chrono::steady_clock::now();
    volatile double sum = kernel.multiply_adds(rounds);
    static_cast<void>(sum);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const double rate = 2.0 * 12 * double(bytes / int(sizeof(T))) * double(rounds) / seconds;
    if (rate > best) best = rate;
  }
  return best;
}

template bool train<float>(Task<float>, int, Target, const std::function<bool(std::int64_t)>&);
template bool train<double>(Task<double>, int, Target, const std::function<bool(std::int64_t)>&);
template void evaluate_on<float>(Target, Function, const float*, float*, std::int64_t);
template void evaluate_on<double>(Target, Function, const double*, double*, std::int64_t);
template double measured_peak<float>(Target);
template double measured_peak<double>(Target);

}  // namespace firstdraw
