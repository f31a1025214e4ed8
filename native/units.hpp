// Are the units of a layer different from each other? The measure of `firstdraw.probes.symmetry`, at the records.
#pragma once

#include <cstdint>

#include "simd.hpp"

namespace firstdraw {

// What describes a layer's units, one row each: weights in, bias, weights out.
template <class T> struct Units {
  const T *W, *b, *W_out;  // `[units, in]`, `[units]`, `[out, units]` or null
  int units, in, out;

  int size() const { return in + 1 + out; }
  T at(int unit, int i) const {
    if (i < in) return W[std::int64_t(unit) * in + i];
    return i == in ? b[unit] : W_out[std::int64_t(i - in - 1) * units + unit];
  }
};

template <class T> T magnitude(T x) { return x < 0 ? -x : x; }

// The largest difference between two units in any one number.
template <class T> static double unit_difference(const Units<T>& u) {
  T largest = 0;
  for (int i = 0; i < u.size(); ++i) {
    T low = u.at(0, i), high = low;
    for (int unit = 1; unit < u.units; ++unit) {
      const T x = u.at(unit, i);
      if (x < low) low = x;
      if (x > high) high = x;
    }
    if (!(high - low <= largest)) largest = high - low;
  }
  return double(largest);
}

// A number's share of the largest of its kind, as `_scaled` has it.
template <class T> struct Scales {
  T in = 0, bias = 0, out = 0;

  FIRSTDRAW_INLINE explicit Scales(const Units<T>& u) {
    for (int unit = 0; unit < u.units; ++unit)
      for (int i = 0; i < u.size(); ++i) {
        T& largest = i < u.in ? in : i == u.in ? bias : out;
        if (!(magnitude(u.at(unit, i)) <= largest)) largest = magnitude(u.at(unit, i));
      }
    T* const all[] = {&in, &bias, &out};
    for (T* largest : all)
      if (!(*largest > 0 && *largest - *largest == 0)) *largest = 1;
  }
  T scaled(const Units<T>& u, int unit, int i) const {
    return u.at(unit, i) / (i < u.in ? in : i == u.in ? bias : out);
  }
};

// How many units differ by more than sqrt(eps); `key` and `order` have room for one number a unit.
template <class T> static int distinct_units(const Units<T>& u, double* key, std::int64_t* order) {
  const Scales<T> scales(u);
  const T tolerance = sizeof(T) == 4 ? T(3.4526698300124393e-4) : T(1.4901161193847656e-8);
  for (int unit = 0; unit < u.units; ++unit) {
    key[unit] = 0;
    for (int i = 0; i < u.size(); ++i) key[unit] += double(scales.scaled(u, unit, i)) * __builtin_cos(double(i));
    // Insertion into the sorted order: layers are narrow, and records are few.
    int place = unit;
    for (; place > 0 && key[order[place - 1]] > key[unit]; --place) order[place] = order[place - 1];
    order[place] = unit;
  }
  int distinct = 1;
  for (int place = 1; place < u.units; ++place) {
    bool differs = false;
    for (int i = 0; i < u.size() && !differs; ++i)
      differs = magnitude(scales.scaled(u, int(order[place]), i) - scales.scaled(u, int(order[place - 1]), i)) > tolerance;
    distinct += differs;
  }
  return distinct;
}

}  // namespace firstdraw
