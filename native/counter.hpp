// The blocks of the default draws, many at a time: the twin of `firstdraw.draws.philox`, one block in each 64-bit lane.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "philox.hpp"
#include "simd.hpp"

namespace firstdraw {
namespace {

template <int B> struct Integers {
  typedef std::uint64_t Vector __attribute__((vector_size(B)));
};
template <int B> using Lanes = typename Integers<B>::Vector;

// The 64-bit products of the lower halves of the lanes, whatever their upper halves hold.
template <int B> FIRSTDRAW_INLINE Lanes<B> product_of_halves(Lanes<B> a, Lanes<B> b) {
#if defined(__x86_64__)
  // Compilers see 64-bit factors here and multiply those, in three times the time.
  if constexpr (B == 16) return Lanes<B>(_mm_mul_epu32(__m128i(a), __m128i(b)));
#if defined(__AVX2__)
  if constexpr (B == 32) return Lanes<B>(_mm256_mul_epu32(__m256i(a), __m256i(b)));
#endif
#if defined(__AVX512F__)
  if constexpr (B == 64) return Lanes<B>(_mm512_mul_epu32(__m512i(a), __m512i(b)));
#endif
#endif
  return (a & 0xFFFFFFFF) * (b & 0xFFFFFFFF);
}

// A vector of blocks: the first and the second pair of words of each, as 64-bit numbers (low, high).
template <int B> struct Pairs {
  Lanes<B> first, second;
};

// The key of every round, the same in all lanes.
template <int B> struct RoundKeys {
  Lanes<B> k0[philox_rounds], k1[philox_rounds];

  FIRSTDRAW_INLINE RoundKeys(std::uint32_t k0_start, std::uint32_t k1_start) {
    for (int round = 0; round < philox_rounds; ++round) {
      k0[round] = Lanes<B>{} + k0_start;
      k1[round] = Lanes<B>{} + k1_start;
      k0_start += philox_w0;
      k1_start += philox_w1;
    }
  }
};

// N vectors of blocks, side by side, as each waits for its own multiplications. The words live in the lower halves of
// the lanes; what a product leaves above them is never read.
template <int B, int N>
FIRSTDRAW_INLINE void philox(const Lanes<B> (&block)[N], std::uint64_t seed, const RoundKeys<B>& keys,
                             Pairs<B> (&pairs)[N]) {
  Lanes<B> c0[N], c1[N], c2[N], c3[N];
  const Lanes<B> m0 = Lanes<B>{} + philox_m0, m1 = Lanes<B>{} + philox_m1;
  for (int n = 0; n < N; ++n) {
    c0[n] = block[n];
    c1[n] = block[n] >> 32;
    c2[n] = Lanes<B>{} + seed;
    c3[n] = Lanes<B>{} + (seed >> 32);
  }
#pragma GCC unroll 10
  for (int round = 0; round < philox_rounds; ++round) {
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) {
      const Lanes<B> p0 = product_of_halves<B>(m0, c0[n]), p1 = product_of_halves<B>(m1, c2[n]);
      c0[n] = (p1 >> 32) ^ c1[n] ^ keys.k0[round];
      c2[n] = (p0 >> 32) ^ c3[n] ^ keys.k1[round];
      c1[n] = p1;
      c3[n] = p0;
    }
  }
  for (int n = 0; n < N; ++n) {
    pairs[n].first = (c1[n] << 32) | (c0[n] & 0xFFFFFFFF);
    pairs[n].second = (c3[n] << 32) | (c2[n] & 0xFFFFFFFF);
  }
}

// Integers up to 2^53 as numbers: each half becomes the low bits of a large power of two, which is taken off again.
template <int B> FIRSTDRAW_INLINE typename Simd<double, B>::Vector exactly(Lanes<B> integer) {
  using V = typename Simd<double, B>::Vector;
#if defined(__AVX512DQ__)
  if constexpr (B == 64) return V(_mm512_cvtepi64_pd(__m512i(integer)));
#endif
  const V low = V((integer & 0xFFFFFFFF) | 0x4330000000000000), high = V((integer >> 32) | 0x4530000000000000);
  return (high - (0x1p84 + 0x1p52)) + low;
}

// The upper 53 bits of each pair as a number in [0, 1).
template <int B, int N>
FIRSTDRAW_INLINE void unit_intervals(const Pairs<B> (&pairs)[N], typename Simd<double, B>::Vector (&first)[N],
                                     typename Simd<double, B>::Vector (&second)[N]) {
  for (int n = 0; n < N; ++n) {
    first[n] = exactly<B>(pairs[n].first >> 11) * 0x1p-53;
    second[n] = exactly<B>(pairs[n].second >> 11) * 0x1p-53;
  }
}

}  // namespace
}  // namespace firstdraw
