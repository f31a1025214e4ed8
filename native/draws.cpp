// Compiled once for each instruction set, with FIRSTDRAW_BYTES the width of its vectors, and without contraction.
#include "draws.hpp"

#include "quantile.hpp"

namespace firstdraw {
namespace {

// How many vectors of blocks are drawn side by side: fewer leave the multipliers waiting, more the registers.
constexpr int side_by_side = 4;

// The lanes' blocks, in the order in which pairing neighbors within 16 bytes puts the elements in theirs.
template <int B> FIRSTDRAW_INLINE Lanes<B> lane_blocks() {
  Lanes<B> blocks;
  for (int lane = 0; lane < B / 8; ++lane) blocks[lane] = std::uint64_t(lane / 2 + lane % 2 * (B / 16));
  return blocks;
}

// (a0, b0, a2, b2, ...) and (a1, b1, a3, b3, ...).
template <int B>
FIRSTDRAW_INLINE void pair_up(typename Simd<double, B>::Vector& a, typename Simd<double, B>::Vector& b) {
  typename Simd<double, B>::Vector even, odd;
  if constexpr (B == 16) {
    even = Simd<double, B>::template shuffle<0, 2>(a, b);
    odd = Simd<double, B>::template shuffle<1, 3>(a, b);
  } else if constexpr (B == 32) {
    even = Simd<double, B>::template shuffle<0, 4, 2, 6>(a, b);
    odd = Simd<double, B>::template shuffle<1, 5, 3, 7>(a, b);
  } else {
    even = Simd<double, B>::template shuffle<0, 8, 2, 10, 4, 12, 6, 14>(a, b);
    odd = Simd<double, B>::template shuffle<1, 9, 3, 11, 5, 13, 7, 15>(a, b);
  }
  a = even;
  b = odd;
}

template <class T, int B> FIRSTDRAW_INLINE void store(T* out, typename Simd<double, B>::Vector v) {
  if constexpr (sizeof(T) == 8) {
    Simd<double, B>::store(out, v);
  } else {
    typedef float Half __attribute__((vector_size(B / 2)));
    const Half rounded = __builtin_convertvector(v, Half);
    __builtin_memcpy(out, &rounded, B / 2);
  }
}

template <class T, int B, DrawsLaw law, bool shifted> struct Run {
  using V = typename Simd<double, B>::Vector;
  static constexpr int lanes = B / 8;

  const Stream& stream;
  const RoundKeys<B> keys;

  FIRSTDRAW_INLINE explicit Run(const Stream& stream) : stream(stream), keys(stream.k0, stream.k1) {}

  // The elements of N vectors of blocks.
  template <int N> FIRSTDRAW_INLINE void draw(std::uint64_t block, T* out) const {
    Lanes<B> counters[N];
    Pairs<B> pairs[N];
    V a[N], b[N];
    for (int n = 0; n < N; ++n) counters[n] = lane_blocks<B>() + (block + std::uint64_t(n * lanes));
    philox<B, N>(counters, stream.seed, keys, pairs);
    if constexpr (law == DrawsLaw::normal) box_muller<B, N>(pairs, a, b);
    else unit_intervals<B, N>(pairs, a, b);
    if constexpr (law == DrawsLaw::truncated_normal) {
      truncate<N>(a);
      truncate<N>(b);
    }
    for (int n = 0; n < N; ++n) {
      pair_up<B>(a[n], b[n]);
      a[n] = a[n] * stream.scale;
      b[n] = b[n] * stream.scale;
      if constexpr (shifted) {
        a[n] = a[n] + stream.shift;
        b[n] = b[n] + stream.shift;
      }
      store<T, B>(out + 2 * n * lanes, a[n]);
      store<T, B>(out + (2 * n + 1) * lanes, b[n]);
    }
  }

  template <int N> FIRSTDRAW_INLINE void truncate(V (&u)[N]) const {
    if (stream.beyond < mass_within_middle) truncated_normals<B, N, true>(stream, u);
    else truncated_normals<B, N, false>(stream, u);
  }

  // At most one vector of blocks, from the element on after those skipped: drawn aside, and copied.
  void draw_part(std::uint64_t block, std::int64_t skipped, std::int64_t count, T* out) const {
    T aside[2 * lanes];
    draw<1>(block, aside);
    for (std::int64_t i = 0; i < count; ++i) out[i] = aside[skipped + i];
  }

  void operator()(std::int64_t first, std::int64_t count, T* out) const {
    std::uint64_t block = std::uint64_t(first) / 2;
    if (first % 2 && count > 0) {
      // A whole run if it is short; else one element, after which blocks are whole.
      const std::int64_t part = count < 2 * lanes ? count : 1;
      draw_part(block++, 1, part, out);
      out += part;
      count -= part;
    }
    constexpr std::int64_t step = 2 * side_by_side * lanes;
    for (; count >= step; count -= step, out += step, block += step / 2) draw<side_by_side>(block, out);
    for (; count > 0; count -= 2 * lanes, out += 2 * lanes, block += lanes)
      draw_part(block, 0, count < 2 * lanes ? count : 2 * lanes, out);
  }
};

template <class T, int B, DrawsLaw law>
void draw_law(const Stream& stream, std::int64_t first, std::int64_t count, T* out) {
  if (stream.shift != 0) return Run<T, B, law, true>(stream)(first, count, out);
  return Run<T, B, law, false>(stream)(first, count, out);
}

}  // namespace

template <class T, int B> void draw_run(const Stream& stream, std::int64_t first, std::int64_t count, T* out) {
  if (stream.law == DrawsLaw::uniform) return draw_law<T, B, DrawsLaw::uniform>(stream, first, count, out);
  if (stream.law == DrawsLaw::normal) return draw_law<T, B, DrawsLaw::normal>(stream, first, count, out);
  return draw_law<T, B, DrawsLaw::truncated_normal>(stream, first, count, out);
}

template void draw_run<float, FIRSTDRAW_BYTES>(const Stream&, std::int64_t, std::int64_t, float*);
template void draw_run<double, FIRSTDRAW_BYTES>(const Stream&, std::int64_t, std::int64_t, double*);

}  // namespace firstdraw
