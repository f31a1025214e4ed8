// Where the layers of a network lie in theta, and how each is computed.
#pragma once

#include "tiles.hpp"

namespace firstdraw {
namespace {

// Layer l: A_[l + 1] = phi(W A_[l] + b), or, where a branch ends, A_[l + 1] = A_[skip] + alpha phi(W A_[l] + b).
struct Layer {
  int in, out;
  bool activated;             // whether phi is applied
  bool begins_branch;         // whether a branch begins with it
  int skip;                   // -1 where no branch ends
  std::int64_t W, b, alpha;   // where they lie in theta
  bool lanewise;              // how dW is summed, see lanewise.hpp
  bool straight;              // whether dW is summed straight into the gradient
  std::int64_t sums;          // where the sums lie: dW unless it is straight, then db and dalpha lane by lane
  std::int64_t dW_row;        // elements from one row of dW to the next

  bool ends_branch() const { return skip >= 0; }
  std::int64_t weights() const { return std::int64_t(in) * out; }
};

// The layers of a task in memory of their own, and how much the passes need for all of them.
template <class T, int B> struct Layers {
  static constexpr int lanes = Simd<T, B>::lanes;

  Layer* layer;
  int L, widest = 1;
  std::int64_t sums = 0;

  Layers(const Task<T>& task, Arena& arena) : L(task.L) {
    layer = arena.take<Layer>(L);
    std::int64_t at = 0;
    for (int l = 0, branch = 0; l < L; ++l) {
      const int in = int(task.widths[l]), out = int(task.widths[l + 1]);
      widest = widest < in ? in : widest;
      widest = widest < out ? out : widest;
      Layer y{};
      y.in = in;
      y.out = out;
      const bool ends = branch < task.branches && task.branch[3 * branch + 1] == l + 1;
      y.begins_branch = branch < task.branches && task.branch[3 * branch] == l + 1;
      y.activated = ends ? task.branch[3 * branch + 2] != 0 : l + 1 < L;
      y.skip = ends ? int(task.branch[3 * branch] - 1) : -1;
      branch += ends;
      y.W = at;
      y.b = at + y.weights();
      y.alpha = y.b + out;
      at = y.alpha + ends;
      y.lanewise = in < 2 * lanes;
      y.straight = !y.lanewise && in % lanes == 0;
      y.dW_row = y.lanewise ? std::int64_t(in) * lanes : round_up(in, lanes);
      y.sums = sums;
      // The sums over the lanes read whole squares of vectors.
      const std::int64_t rows = y.straight || y.lanewise ? 0 : out * y.dW_row;
      sums += rows + round_up((y.lanewise ? y.weights() : 0) + out + ends, lanes) * lanes;
      if (arena.base != nullptr) layer[l] = y;
    }
  }
};

}  // namespace
}  // namespace firstdraw
