#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

#include "draws.hpp"

namespace firstdraw {
namespace {

// A thread takes this many elements at a time; fewer than two such pieces are not worth a thread.
constexpr std::int64_t piece = 1 << 16;

template <class T> using DrawRun = void (*)(const Stream&, std::int64_t, std::int64_t, T*);

template <class T> DrawRun<T> draw_run_on(Target target) {
#if defined(__x86_64__)
  if (target == Target::avx512) return draw_run<T, 64>;
  if (target == Target::avx2) return draw_run<T, 32>;
#endif
  static_cast<void>(target);
  return draw_run<T, 16>;
}

// The index in the stream of the run with this number, runs being the innermost loops.
std::int64_t start_of_run(const Elements& elements, std::int64_t run) {
  std::int64_t start = elements.first;
  for (int axis = elements.axes - 2; axis >= 0; --axis) {
    start += run % elements.lengths[axis] * elements.strides[axis];
    run /= elements.lengths[axis];
  }
  return start;
}

}  // namespace

template <class T> void fill(const Stream& stream, const Elements& elements, T* out, int threads, Target target) {
  const DrawRun<T> draw = draw_run_on<T>(target);
  const std::int64_t run = elements.lengths[elements.axes - 1];
  std::int64_t total = 1;
  for (int axis = 0; axis < elements.axes; ++axis) total *= elements.lengths[axis];
  std::atomic<std::int64_t> next{0};
  const auto work = [&] {
    for (std::int64_t i; (i = next.fetch_add(piece)) < total;)
      for (const std::int64_t end = std::min(total, i + piece); i < end;) {
        const std::int64_t within = i % run, count = std::min(run - within, end - i);
        draw(stream, start_of_run(elements, i / run) + within, count, out + i);
        i += count;
      }
  };
  const std::int64_t workers = std::min<std::int64_t>(threads, total / piece);
  std::vector<std::thread> others;
  try {
    for (std::int64_t other = 1; other < workers; ++other) others.emplace_back(work);
  } catch (const std::system_error&) {
    // The system gives no further thread: those that there are do the work.
  }
  work();
  for (std::thread& other : others) other.join();
}

template void fill<float>(const Stream&, const Elements&, float*, int, Target);
template void fill<double>(const Stream&, const Elements&, double*, int, Target);

}  // namespace firstdraw
