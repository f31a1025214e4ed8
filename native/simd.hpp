// Vectors of numbers as wide as a register, in GCC's and Clang's vector extensions.
//
// Everything is a template over the number type T and the width in bytes B (16 for the baseline and NEON, 32 for
// AVX2, 64 for AVX-512), so that the same source compiled for three instruction sets has three sets of symbols.
// Nothing here, or in what includes it, uses the standard library: the linker must never pick a function that was
// compiled for another instruction set, and the same files are to run in a browser. For the same reason what is no
// template over B is inlined everywhere, or static.
#pragma once

#include <cstdint>

#define FIRSTDRAW_INLINE inline __attribute__((always_inline))

namespace firstdraw {

template <class T> struct Bits;
template <> struct Bits<float> { using Integer = std::int32_t; };
template <> struct Bits<double> { using Integer = std::int64_t; };

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
  static FIRSTDRAW_INLINE Vector select(Mask m, Vector yes, Vector no) { return m ? yes : no; }
  static FIRSTDRAW_INLINE Mask bits(Vector v) { return reinterpret_cast<Mask>(v); }
  static FIRSTDRAW_INLINE Vector from_bits(Mask m) { return reinterpret_cast<Vector>(m); }
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

}  // namespace firstdraw
