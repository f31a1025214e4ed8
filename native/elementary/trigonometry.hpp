// Sines and cosines: x = q + r with q a multiple of pi/2, and polynomials in z = r^2.
#pragma once

#include "parts.hpp"

namespace firstdraw {
namespace {

template <class T> struct Trigonometry;

template <> struct Trigonometry<double> {
  static constexpr double near = 0x1p21;  // where n pi[k] is still exact
  static constexpr double per_pi = 0x1.45f306dc9c883p-2;
  static constexpr double pi[] = {0x1.921fb544p1, 0x1.0b4611a6p-33, 0x1.3198a2ep-68, 0x1.b839a252049c1p-103};
  // sin r = r + r z s(z) for |r| <= pi/2 to 2^-61.6, and for |r| <= pi/4 to 2^-57.9
  static constexpr double half_turn[] = {
      -0x1.5555555555555p-3,  0x1.11111111110c1p-7,  -0x1.a01a01a0148ap-13,  0x1.71de3a5286fdbp-19,
      -0x1.ae6454caf8e64p-26, 0x1.6123cb10d2562p-33, -0x1.ae43173000edfp-41, 0x1.8828f354b14ebp-49};
  static constexpr double quarter_sine[] = {-0x1.5555555555548p-3, 0x1.111111110f7c9p-7,   -0x1.a01a019bfd0d6p-13,
                                            0x1.71de35670951ap-19, -0x1.ae5e59eef37b2p-26, 0x1.5d8fa1579eab7p-33};
  // cos r = 1 - z/2 + z^2 c(z) for |r| <= pi/4 to 2^-64
  static constexpr double quarter_cosine[] = {0x1.555555555554bp-5,   -0x1.6c16c16c14f8ap-10, 0x1.a01a019c83939p-16,
                                              -0x1.27e4f7ea39575p-22, 0x1.1ee9d753af332p-29,  -0x1.8fa4667aacf72p-37};
};

template <> struct Trigonometry<float> {
  static constexpr float near = 0x1p13f;
  static constexpr float per_pi = 0x1.45f306p-2f;
  static constexpr float pi[] = {0x1.92p1f, 0x1.fb4p-11f, 0x1.444p-23f, 0x1.68c234p-38f};
  static constexpr float half_turn[] = {  // 2^-35.3
      -0x1.555556p-3f, 0x1.11110cp-7f, -0x1.a017dap-13f, 0x1.717076p-19f, -0x1.9a678ap-26f};
  static constexpr float quarter_sine[] = {-0x1.555546p-3f, 0x1.11073ap-7f, -0x1.994386p-13f};    // 2^-28
  static constexpr float quarter_cosine[] = {0x1.55554ap-5f, -0x1.6c0c32p-10f, 0x1.99eb5ap-16f};  // 2^-33
};

// One number of any size: x / (2 pi) modulo 1 as a 128-bit fraction of a turn, from its 53 bits times those bits of
// 1 / (2 pi) that still matter, with integers and hence exactly.
// Sets r with x = (2 n + half) pi / parts + r, and returns n modulo parts or as much more.
template <class T, int B>
__attribute__((noinline, cold)) std::int64_t reduce_distant(T value, int parts, bool half, T* r) {
  static constexpr std::uint64_t per_turn[] = {  // 1 / (2 pi) in binary, after 64 zeros
      0x0, 0x28be60db9391054a, 0x7f09d5f47d4d3770, 0x36d8a5664f10e410, 0x7f9458eaf7aef158,
      0x6dc91b8e909374b8, 0x01924bba82746487, 0x3f877ac72c4a69cf, 0xba208d7d4baed121, 0x3a671c09ad17df90,
      0x4e64758e60d4ce7d, 0x272117e2ef7e4a0e, 0xc7fe25fff7816603, 0xfbcbc462d6829b47, 0xdb4d9fb3c9f2c26d,
      0xd3d18fd9a797fa8b, 0x5d49eeb1faf97c5e, 0xcf41ce7de294a4ba, 0x9afed7ec47e35742, 0x1580cc11bf1edaea,
      0xfc33ef0826bd0d87};
  const double x = value;
  if (x - x != 0) {
    *r = value - value;  // infinite: NaN
    return 0;
  }
  std::uint64_t bits;
  __builtin_memcpy(&bits, &x, 8);
  const std::uint64_t mantissa = (bits & 0xfffffffffffff) | 0x10000000000000;
  const int start = int(bits >> 52 & 0x7ff) - 1023 - 52 + 64;  // the first bit of per_turn whose product is below 1
  std::uint64_t words[3];
  for (int k = 0; k < 3; ++k) {
    const std::uint64_t* w = per_turn + start / 64 + k;
    words[k] = start % 64 ? w[0] << start % 64 | w[1] >> (64 - start % 64) : w[0];
  }
  using Wide = unsigned __int128;
  Wide turn = (Wide(mantissa * words[0]) << 64) + Wide(mantissa) * words[1] + (Wide(mantissa) * words[2] >> 64);
  if (x < 0) turn = -turn;
  const int shift = parts == 2 ? 127 : 126;  // a part of a turn is 2^shift
  const Wide part = Wide(1) << shift;
  if (half) turn -= part / 2;
  const Wide n = (turn + part / 2) >> shift;
  const Wide rest = turn - n * part;
  const double fraction = double(std::int64_t(rest >> 64)) + double(std::uint64_t(rest)) * 0x1p-64;
  *r = T(fraction * (0x1.921fb54442d18p2 * 0x1p-64));
  return std::int64_t(n);
}

// x = (n + half / 2) unit + r, where unit is a turn's 2nd part, pi, or its 4th, pi / 2; n is in the low bits.
template <class T, int B, int parts, bool half> struct ReducedAngle {
  using S = Simd<T, B>;
  typename S::Vector r;
  typename S::Mask n;

  FIRSTDRAW_INLINE explicit ReducedAngle(typename S::Vector x) {
    using A = Trigonometry<T>;
    constexpr T unit = T(2) / parts, round = Format<T>::round;
    auto shifted = x * (A::per_pi / unit);
    if constexpr (half) shifted -= T(0.5);
    shifted += round;
    auto q = shifted - round;
    if constexpr (half) q += T(0.5);
    r = x - q * (A::pi[0] * unit);
    r -= q * (A::pi[1] * unit);
    r -= q * (A::pi[2] * unit);
    r -= q * (A::pi[3] * unit);
    n = S::bits(shifted);
    const auto distant = absolute<T, B>(x) > A::near;
    if (any<T, B>(distant)) [[unlikely]] {
      for (int lane = 0; lane < S::lanes; ++lane) {
        if (!distant[lane]) continue;
        T exact;
        n[lane] = static_cast<typename S::Integer>(reduce_distant<T, B>(x[lane], parts, half, &exact));
        r[lane] = exact;
      }
    }
  }
};

// sin x = (-1)^n sin r, x = n pi + r. 2.00 / 2.23 ulp, at any distance.
template <class T, int B>
FIRSTDRAW_INLINE typename Simd<T, B>::Vector sine(typename Simd<T, B>::Vector x) {
  using S = Simd<T, B>;
  const ReducedAngle<T, B, 2, false> a(x);
  const auto z = a.r * a.r;
  const auto value = a.r + a.r * (z * polynomial<T, B>(z, Trigonometry<T>::half_turn));
  const auto turned = S::from_bits(S::bits(value) ^ (a.n << (8 * sizeof(T) - 1)));
  return x == 0 ? x : turned;  // keeps the sign of a zero
}

// cos x = (-1)^(n+1) sin r, x = (n + 1/2) pi + r. 2.04 / 2.11 ulp, at any distance.
template <class T, int B>
FIRSTDRAW_INLINE typename Simd<T, B>::Vector cosine(typename Simd<T, B>::Vector x) {
  using S = Simd<T, B>;
  const ReducedAngle<T, B, 2, true> a(x);
  const auto z = a.r * a.r;
  const auto value = a.r + a.r * (z * polynomial<T, B>(z, Trigonometry<T>::half_turn));
  return S::from_bits(S::bits(value) ^ (~a.n << (8 * sizeof(T) - 1)));
}

// Both, from x = n pi/2 + r: odd n swaps them. 2.03 / 1.77 ulp, at any distance.
template <class T, int B>
FIRSTDRAW_INLINE void sine_cosine(typename Simd<T, B>::Vector x, typename Simd<T, B>::Vector* s,
                                  typename Simd<T, B>::Vector* c) {
  using S = Simd<T, B>;
  const ReducedAngle<T, B, 4, false> a(x);
  const auto z = a.r * a.r;
  const auto sine = a.r + a.r * z * polynomial<T, B>(z, Trigonometry<T>::quarter_sine);
  const auto cosine = (1 - z * T(0.5)) + z * z * polynomial<T, B>(z, Trigonometry<T>::quarter_cosine);
  const auto odd = (a.n & 1) != 0;
  const auto second_bit_to_sign = 8 * sizeof(T) - 2;
  const auto turned = S::from_bits(S::bits(odd ? cosine : sine) ^ ((a.n << second_bit_to_sign) & sign_bit<T, B>()));
  *s = x == 0 ? x : turned;  // keeps the sign of a zero
  *c = S::from_bits(S::bits(odd ? sine : cosine) ^ (((a.n + 1) << second_bit_to_sign) & sign_bit<T, B>()));
}

}  // namespace
}  // namespace firstdraw
