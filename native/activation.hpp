// Activations over a tile: A = phi(Z) in place of Z, with phi'(Z) beside it where the backward pass needs it.
#pragma once

#include "elementary.hpp"
#include "task.hpp"

namespace firstdraw {
namespace {

// phi(z) and phi'(z) of one vector; the formulas are those of `firstdraw.activations`.
template <class T, int B, Activation kind>
FIRSTDRAW_INLINE void phi(typename Simd<T, B>::Vector z, typename Simd<T, B>::Vector slope,
                          typename Simd<T, B>::Vector& value, typename Simd<T, B>::Vector& derivative) {
  using S = Simd<T, B>;
  using V = typename S::Vector;
  const V one = S::broadcast(1);
  if constexpr (kind == Activation::leaky_relu) {
    value = S::select(z > 0, z, z * slope);
    derivative = S::select(z > 0, one, slope);
  } else if constexpr (kind == Activation::tanh) {
    value = hyperbolic_tangent<T, B>(z);
    derivative = one - value * value;
  } else if constexpr (kind == Activation::sigmoid) {
    V rest;
    sigmoid_pair<T, B>(z, &value, &rest);
    derivative = value * rest;
  } else if constexpr (kind == Activation::softplus) {
    softplus_pair<T, B>(z, &value, &derivative);
  } else if constexpr (kind == Activation::elu) {
    const V e = exponential_minus_one<T, B>(S::select(z > 0, V{}, z));
    value = S::select(z > 0, z, slope * e);
    derivative = S::select(z > 0, one, slope * (e + one));
  } else if constexpr (kind == Activation::selu) {
    const V lambda = S::broadcast(T(1.0507009873554805)), alpha = S::broadcast(T(1.6732632423543772));
    const V e = exponential_minus_one<T, B>(S::select(z > 0, V{}, z));
    value = lambda * S::select(z > 0, z, alpha * e);
    derivative = lambda * S::select(z > 0, one, alpha * (e + one));
  } else if constexpr (kind == Activation::gelu) {
    V Phi, density;
    normal_pair<T, B>(z, &Phi, &density);
    value = z * Phi;
    derivative = Phi + z * density;
  } else if constexpr (kind == Activation::silu) {
    V s, rest;
    sigmoid_pair<T, B>(z, &s, &rest);
    value = z * s;
    derivative = s * (one + z * rest);
  } else if constexpr (kind == Activation::sin) {
    sine_cosine<T, B>(z, &value, &derivative);
  } else if constexpr (kind == Activation::erf) {
    value = error_function<T, B>(z);
    derivative = S::broadcast(T(1.1283791670955126)) * exponential<T, B>(-z * z);
  } else if constexpr (kind == Activation::hardtanh) {
    value = at_most<T, B>(at_least<T, B>(z, T(-1)), T(1));
    derivative = S::select(z > -1, S::select(z > 1, V{}, one), V{});
  } else if constexpr (kind == Activation::softsign) {
    const V size = absolute<T, B>(z), rest = one / (one + size);
    // The product of infinity and 0 would be no number.
    value = with_sign<T, B>(S::select(size < 1, size * rest, one - rest), z);
    derivative = rest * rest;
  } else if constexpr (kind == Activation::hardswish) {
    const V share = at_most<T, B>(at_least<T, B>(z + T(3), T(0)), T(6)) * (one / T(6));
    value = at_least<T, B>(z, T(-3)) * share;
    derivative = S::select(z > 3, one, S::select(z > -3, z * (one / T(3)) + T(0.5), V{}));
  } else if constexpr (kind == Activation::mish) {
    // tanh(softplus z) = n / d and its slope 4 m / d^2, by e = exp(-|z|), which makes n and d of z > 0 e^2 times those
    // of z < 0, and m e^4 times, so that none of them overflows.
    const V e = exponential_nonpositive<T, B>(minus_absolute<T, B>(z)), square = e * e;
    const auto left = z < 0;
    const V n = e + e + S::select(left, square, one);
    const V d = n + S::select(left, one + one, square + square);
    const V m = (e + square) * S::select(left, one, e);
    const V inverse = one / d;
    value = z * (n * inverse);
    derivative = n * inverse + z * (m * (inverse * inverse)) * T(4);
  }
}

template <class T, int B, Activation kind>
__attribute__((noinline)) void activate(T* Z, T* D, std::int64_t count, T slope) {
  using S = Simd<T, B>;
  for (std::int64_t i = 0; i < count; i += S::lanes) {
    typename S::Vector value, derivative;
    phi<T, B, kind>(S::load(Z + i), S::broadcast(slope), value, derivative);
    S::store(Z + i, value);
    S::store(D + i, derivative);
  }
}

// The rectifier by itself, where something looks at its input first.
template <class T, int B> void rectify(T* Z, std::int64_t count) {
  using S = Simd<T, B>;
  for (std::int64_t i = 0; i < count; i += S::lanes) S::store(Z + i, S::at_least(S::broadcast(0), S::load(Z + i)));
}

// A = phi(Z) in place and D = phi'(Z), over `count` elements, a multiple of the lanes. The identity and the rectifier
// are not here: the product that makes Z does them on the way.
template <class T, int B> void activate(Activation kind, T* Z, T* D, std::int64_t count, T slope) {
  switch (kind) {
    case Activation::identity: return;
    case Activation::relu: return;
    case Activation::leaky_relu: return activate<T, B, Activation::leaky_relu>(Z, D, count, slope);
    case Activation::tanh: return activate<T, B, Activation::tanh>(Z, D, count, slope);
    case Activation::sigmoid: return activate<T, B, Activation::sigmoid>(Z, D, count, slope);
    case Activation::softplus: return activate<T, B, Activation::softplus>(Z, D, count, slope);
    case Activation::elu: return activate<T, B, Activation::elu>(Z, D, count, slope);
    case Activation::selu: return activate<T, B, Activation::selu>(Z, D, count, slope);
    case Activation::gelu: return activate<T, B, Activation::gelu>(Z, D, count, slope);
    case Activation::silu: return activate<T, B, Activation::silu>(Z, D, count, slope);
    case Activation::sin: return activate<T, B, Activation::sin>(Z, D, count, slope);
    case Activation::erf: return activate<T, B, Activation::erf>(Z, D, count, slope);
    case Activation::hardtanh: return activate<T, B, Activation::hardtanh>(Z, D, count, slope);
    case Activation::softsign: return activate<T, B, Activation::softsign>(Z, D, count, slope);
    case Activation::hardswish: return activate<T, B, Activation::hardswish>(Z, D, count, slope);
    case Activation::mish: return activate<T, B, Activation::mish>(Z, D, count, slope);
  }
}

}  // namespace
}  // namespace firstdraw
