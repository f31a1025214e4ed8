// Are the units of a layer different from each other? The measure of `firstdraw.probes.symmetry`, at the records.
#pragma once

#include "layers.hpp"

namespace firstdraw {
namespace {

// Some of the numbers that describe each unit of a layer: number i of unit j is `at[j * unit + i * step]`. They are
// compared as shares of the largest among them.
template <class T> struct Part {
  const T* at;
  std::int64_t unit, step;
  int count;
  T largest;

  T value(int j, int i) const { return at[j * unit + i * step]; }
  T share(int j, int i) const { return value(j, i) / largest; }
};

template <class T> T magnitude(T x) { return x < 0 ? -x : x; }

// The units of a stream: of the layer where it begins, and of the last layers of the branches on it. What feeds any of
// them and what any of them feeds describes them all. A layer without a skip is a stream by itself.
template <class T> class Units {
 public:
  // The stream that begins with the outputs of layer `first`, from 1, or with the inputs for 0; `parts` has room for
  // three a layer and three more.
  Units(const Layer* layer, int L, const T* theta, int first, Part<T>* parts)
      : parts_(parts), units_(first > 0 ? layer[first - 1].out : layer[0].in) {
    for (int number = first; number >= 0; number = next(layer, L, number)) {
      if (number > 0) {
        const Layer& y = layer[number - 1];
        add({theta + y.W, y.in, 1, y.in, 0});
        add({theta + y.b, 1, 0, 1, 0});
      }
      if (number < L) add({theta + layer[number].W, 1, layer[number].in, layer[number].out, 0});
    }
  }

  // The layer that the stream of layer `number` goes on to, or -1.
  static int next(const Layer* layer, int L, int number) {
    if (number == L || !layer[number].begins_branch) return -1;
    while (!layer[number].ends_branch()) ++number;
    return number + 1;
  }

  // The largest difference between two units in any one number.
  double difference() const {
    T largest = 0;
    for (int p = 0; p < count_; ++p)
      for (int i = 0; i < parts_[p].count; ++i) {
        T low = parts_[p].value(0, i), high = low;
        for (int j = 1; j < units_; ++j) {
          const T x = parts_[p].value(j, i);
          if (x < low) low = x;
          if (x > high) high = x;
        }
        if (!(high - low <= largest)) largest = high - low;
      }
    return double(largest);
  }

  // How many units differ by more than sqrt(eps): sorted by a generic projection, those that are nearly equal are
  // neighbors. `key` and `order` have room for one number a unit.
  int distinct(double* key, std::int64_t* order) const {
    project(key);
    // Insertion into the sorted order: layers are narrow, and records are few.
    for (int j = 0; j < units_; ++j) {
      int place = j;
      for (; place > 0 && key[order[place - 1]] > key[j]; --place) order[place] = order[place - 1];
      order[place] = j;
    }
    int distinct = 1;
    for (int place = 1; place < units_; ++place) distinct += differ(int(order[place]), int(order[place - 1]));
    return distinct;
  }

 private:
  Part<T>* parts_;
  int count_ = 0, units_;

  void add(Part<T> part) {
    for (int j = 0; j < units_; ++j)
      for (int i = 0; i < part.count; ++i)
        if (!(magnitude(part.value(j, i)) <= part.largest)) part.largest = magnitude(part.value(j, i));
    if (!(part.largest > 0 && part.largest - part.largest == 0)) part.largest = 1;
    parts_[count_++] = part;
  }

  void project(double* key) const {
    for (int j = 0; j < units_; ++j) key[j] = 0;
    int number = 0;
    for (int p = 0; p < count_; ++p)
      for (int i = 0; i < parts_[p].count; ++i) {
        const double direction = __builtin_cos(double(number++));
        for (int j = 0; j < units_; ++j) key[j] += double(parts_[p].share(j, i)) * direction;
      }
  }

  bool differ(int a, int b) const {
    const T tolerance = sizeof(T) == 4 ? T(3.4526698300124393e-4) : T(1.4901161193847656e-8);
    for (int p = 0; p < count_; ++p)
      for (int i = 0; i < parts_[p].count; ++i)
        if (magnitude(parts_[p].share(a, i) - parts_[p].share(b, i)) > tolerance) return true;
    return false;
  }
};

}  // namespace
}  // namespace firstdraw
