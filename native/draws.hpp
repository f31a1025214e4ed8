// The default draws: elements of a parameter's stream, straight into the array that is to hold them.
#pragma once

#include <cstdint>

#include "target.hpp"

namespace firstdraw {

enum class DrawsLaw { uniform, normal, truncated_normal };

// A stream and what becomes of its numbers x: `scale` x, plus `shift` unless that is 0, rounded to the array's type.
// A truncated law leaves `cut` standard deviations on each side, and has the mass `within`
// them and `beyond` them on each.
struct Stream {
  DrawsLaw law = DrawsLaw::uniform;
  std::uint32_t k0 = 0, k1 = 0;
  std::uint64_t seed = 0;
  double scale = 1, shift = 0;
  double cut = 0, within = 1, beyond = 0;
};

// Elements `first` to `first + count` of a stream: each instruction set's, see draws.cpp.
template <class T, int B> void draw_run(const Stream& stream, std::int64_t first, std::int64_t count, T* out);

// Elements of a stream in `axes` nested loops, j over their `lengths`: those with the indices
// first + sum j[a] strides[a].
// The innermost stride is 1.
struct Elements {
  std::int64_t first = 0;
  int axes = 0;
  const std::int64_t* lengths = nullptr;
  const std::int64_t* strides = nullptr;
};

// All of them in order, spread over threads where there are many: the numbers do not depend on how.
template <class T> void fill(const Stream& stream, const Elements& elements, T* out, int threads, Target target);

}  // namespace firstdraw
