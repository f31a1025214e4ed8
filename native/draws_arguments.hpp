// Elements of a stream from Python: every rule that the fill relies on.
#pragma once

#include "arguments.hpp"
#include "draws.hpp"

namespace firstdraw {

inline Stream read_stream(int law, std::uint64_t k0, std::uint64_t k1, std::uint64_t seed, double scale, double shift,
                          double cut, double within, double beyond) {
  check(law >= 0 && law <= static_cast<int>(DrawsLaw::truncated_normal), "law",
        "0 for uniform, 1 for normal or 2 for truncated_normal", law);
  check(k0 >> 32 == 0, "k0", "below 2^32", k0);
  check(k1 >> 32 == 0, "k1", "below 2^32", k1);
  return {static_cast<DrawsLaw>(law), static_cast<std::uint32_t>(k0), static_cast<std::uint32_t>(k1), seed, scale,
          shift, cut, within, beyond};
}

// Nested loops over elements, `count` of them in all, none with an index beyond 2^63 - 1.
inline Elements read_elements(std::int64_t first, const Array<const std::int64_t>& lengths,
                              const Array<const std::int64_t>& strides, std::int64_t count) {
  const auto axes = static_cast<std::int64_t>(lengths.shape(0));
  check(axes >= 1, "lengths", "one number or more", axes);
  check(strides.data()[axes - 1] == 1, "strides", "such that the last is 1", strides.data()[axes - 1]);
  check(first >= 0, "first", "0 or more", first);
  std::int64_t elements = 1, last = first, distance = 0;
  for (std::int64_t axis = 0; axis < axes; ++axis) {
    const std::int64_t length = lengths.data()[axis], stride = strides.data()[axis];
    check(length >= 0, "lengths", "0 or more each", length);
    check(stride >= 0, "strides", "0 or more each", stride);
    check(!__builtin_mul_overflow(elements, length, &elements), "lengths", "such that their product is below 2^63",
          length);
    const bool beyond = length > 0 && (__builtin_mul_overflow(length - 1, stride, &distance) ||
                                       __builtin_add_overflow(last, distance, &last));
    check(!beyond, "first", "such that the last element's index is below 2^63", first);
  }
  check(elements == count, "out", "as long as the product of the lengths, " + std::to_string(elements), count);
  return {first, static_cast<int>(axes), lengths.data(), strides.data()};
}

}  // namespace firstdraw
