// Which examples each step sees: the mini-batches of `firstdraw.engine.batches`.
#pragma once

#include "philox.hpp"
#include "tiles.hpp"

namespace firstdraw {
namespace {

// Batches of a fresh shuffle each epoch; for full batches it is empty.
template <class T, int B> class Batches {
 public:
  Batches(const Task<T>& task, Arena& arena) : task_(task), size_(task.batch < task.train.m ? task.batch : 0) {
    const std::int64_t shuffled = size_ > 0 ? task.train.m : 0;
    order_ = arena.take<std::int64_t>(shuffled);
    merged_ = arena.take<std::int64_t>(shuffled);
    keys_ = arena.take<double>(shuffled);
    tiles_ = Tiles<T>(arena, task.widths[0], task.widths[task.L], size_, samples_of_tile<T, B>(size_));
  }

  bool full() const { return size_ == 0; }

  void restart(std::uint64_t seed) {
    seed_ = seed;
    epoch_ = 0;
    next_ = task_.train.m;
  }

  // The examples of the next step.
  const Tiles<T>& next() {
    const std::int64_t m = task_.train.m;
    if (next_ >= m) {
      shuffle(epoch_++);
      next_ = 0;
    }
    tiles_.m = m - next_ < size_ ? m - next_ : size_;
    tiles_.fill(task_.train, order_ + next_);
    next_ += size_;
    return tiles_;
  }

 private:
  const Task<T>& task_;
  std::int64_t size_, next_ = 0, epoch_ = 0;
  std::uint64_t seed_ = 0;
  std::int64_t *order_, *merged_;
  double* keys_;
  Tiles<T> tiles_;

  // Sorts the examples by the uniform draws called `batches.epoch.e`, merging runs of twice the width in each round.
  void shuffle(std::int64_t e) {
    const std::int64_t m = task_.train.m;
    const std::uint32_t* key = task_.epoch_keys + 2 * e;
    for (std::int64_t i = 0; i < m; ++i) {
      order_[i] = i;
      keys_[i] = uniform(i, seed_, key[0], key[1]);
    }
    for (std::int64_t width = 1; width < m; width *= 2) {
      for (std::int64_t low = 0; low < m; low += 2 * width) {
        const std::int64_t middle = low + width < m ? low + width : m, high = low + 2 * width < m ? low + 2 * width : m;
        std::int64_t i = low, j = middle;
        for (std::int64_t to = low; to < high; ++to)
          merged_[to] = i < middle && (j >= high || keys_[order_[i]] <= keys_[order_[j]]) ? order_[i++] : order_[j++];
      }
      std::int64_t* const sorted = merged_;
      merged_ = order_;
      order_ = sorted;
    }
  }
};

}  // namespace
}  // namespace firstdraw
