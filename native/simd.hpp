// Vectors of numbers as wide as a register, in GCC's and Clang's vector extensions.
//
// Everything is a template over the number type T and the width in bytes B (16 for the baseline and NEON, 32 for
// AVX2, 64 for AVX-512), and compiled once for each. The linker must never pick a function that was compiled for
// another instruction set: so all of it, here and in what includes it, lies in a namespace without a name, and nothing
// of the standard library is used, which also lets the same files run in a browser.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define FIRSTDRAW_INLINE inline __attribute__((always_inline))
#define FIRSTDRAW_LAMBDA __attribute__((always_inline))

namespace firstdraw {
namespace {

template <class T> struct Bits;
template <> struct Bits<float> { using Integer = std::int32_t; };
template <> struct Bits<double> { using Integer = std::int64_t; };

// The numbers 0 to n - 1 as a pack, to write shuffles with.
template <int... lane> struct Counted {};
template <int n, int... lane> constexpr auto counted() {
  if constexpr (n == 0) return Counted<lane...>{};
  else return counted<n - 1, n - 1, lane...>();
}

// Calls `f` with n, from 1 to `most`, as a constant.
template <int most, class F> FIRSTDRAW_INLINE void with_constant(int n, const F& f) {
  if constexpr (most > 0) {
    if (n == most) f.template operator()<most>();
    else with_constant<most - 1>(n, f);
  }
}

template <class T, int B> struct Simd {
  using Integer = typename Bits<T>::Integer;
  typedef T Vector __attribute__((vector_size(B)));
  typedef Integer Mask __attribute__((vector_size(B)));  // also the vector of integers: all bits of a lane set is true

  static constexpr int lanes = B / sizeof(T);

  // x - 0 is x to the last bit, -0 and NaN too, so that nothing is left to compute; 0 + x would not be.
  static FIRSTDRAW_INLINE Vector broadcast(T x) { return x - Vector{}; }
  static FIRSTDRAW_INLINE Vector load(const T* p) {
    Vector v;
    __builtin_memcpy(&v, p, B);
    return v;
  }
  static FIRSTDRAW_INLINE void store(T* p, Vector v) { __builtin_memcpy(p, &v, B); }
  // A vector that stays in its register: the compiler would rather load it again at each use, and loads are what the
  // products wait for.
  static FIRSTDRAW_INLINE Vector held(Vector v) {
#if defined(__x86_64__)
    asm("" : "+v"(v));
#elif defined(__aarch64__)
    asm("" : "+w"(v));
#endif
    return v;
  }
  static FIRSTDRAW_INLINE Vector select(Mask m, Vector yes, Vector no) { return m ? yes : no; }
  static FIRSTDRAW_INLINE Mask bits(Vector v) { return reinterpret_cast<Mask>(v); }
  static FIRSTDRAW_INLINE Vector from_bits(Mask m) { return reinterpret_cast<Vector>(m); }
  // The larger and the smaller of a bound and x, where a NaN of x stays one. Written as a choice it costs a comparison,
  // which takes a multiplier's turn.
  static FIRSTDRAW_INLINE Vector at_least(Vector bound, Vector x) {
#if defined(__AVX512F__)
    if constexpr (B == 64 && sizeof(T) == 8) return _mm512_maskz_max_pd(0xff, bound, x);
    if constexpr (B == 64 && sizeof(T) == 4) return _mm512_maskz_max_ps(0xffff, bound, x);
#endif
#if defined(__AVX__)
    if constexpr (B == 32 && sizeof(T) == 8) return _mm256_max_pd(bound, x);
    if constexpr (B == 32 && sizeof(T) == 4) return _mm256_max_ps(bound, x);
#endif
#if defined(__SSE2__)
    if constexpr (B == 16 && sizeof(T) == 8) return _mm_max_pd(bound, x);
    if constexpr (B == 16 && sizeof(T) == 4) return _mm_max_ps(bound, x);
#endif
    return select(x < bound, bound, x);
  }
  static FIRSTDRAW_INLINE Vector at_most(Vector bound, Vector x) {
#if defined(__AVX512F__)
    if constexpr (B == 64 && sizeof(T) == 8) return _mm512_maskz_min_pd(0xff, bound, x);
    if constexpr (B == 64 && sizeof(T) == 4) return _mm512_maskz_min_ps(0xffff, bound, x);
#endif
#if defined(__AVX__)
    if constexpr (B == 32 && sizeof(T) == 8) return _mm256_min_pd(bound, x);
    if constexpr (B == 32 && sizeof(T) == 4) return _mm256_min_ps(bound, x);
#endif
#if defined(__SSE2__)
    if constexpr (B == 16 && sizeof(T) == 8) return _mm_min_pd(bound, x);
    if constexpr (B == 16 && sizeof(T) == 4) return _mm_min_ps(bound, x);
#endif
    return select(x > bound, bound, x);
  }
  // The lanes of two vectors in another order; those of b are numbered on from those of a.
  template <int... lane> static FIRSTDRAW_INLINE Vector shuffle(Vector a, Vector b) {
#if defined(__clang__)
    return __builtin_shufflevector(a, b, lane...);
#else
    return __builtin_shuffle(a, b, Mask{lane...});
#endif
  }
  // The even (0) or the odd (1) lanes of a and b, and the lower (0) or the upper (1) halves of a and b zipped together.
  template <int odd, int... lane> static FIRSTDRAW_INLINE Vector every_other(Vector a, Vector b, Counted<lane...>) {
    return shuffle<(2 * lane + odd)...>(a, b);
  }
  template <int upper, int... lane> static FIRSTDRAW_INLINE Vector zip(Vector a, Vector b, Counted<lane...>) {
    return shuffle<(lane / 2 + upper * lanes / 2 + lane % 2 * lanes)...>(a, b);
  }
  using AllLanes = decltype(counted<lanes>());

  // The sums of `lanes` vectors, one a lane: neighbors are added, which halves the vectors, until one is left.
  template <int vectors = lanes> static FIRSTDRAW_INLINE Vector sums(const T* p) {
    if constexpr (vectors == 1) {
      return load(p);
    } else {
      const Vector a = sums<vectors / 2>(p), b = sums<vectors / 2>(p + vectors / 2 * lanes);
      return every_other<0>(a, b, AllLanes{}) + every_other<1>(a, b, AllLanes{});
    }
  }
  // The sum of the lanes: halves onto halves, until one is left.
  static FIRSTDRAW_INLINE T sum(Vector v) {
    if constexpr (lanes == 2) {
      return v[0] + v[1];
    } else {
      using Half = Simd<T, B / 2>;
      typename Half::Vector low, high;
      __builtin_memcpy(&low, &v, B / 2);
      __builtin_memcpy(&high, reinterpret_cast<const char*>(&v) + B / 2, B / 2);
      return Half::sum(low + high);
    }
  }
};

}  // namespace
}  // namespace firstdraw
