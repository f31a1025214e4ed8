// Philox4x32-10, the counter-based generator of `firstdraw.draws.philox`, word for word.
//
// Source: Salmon, Moraes, Dror & Shaw (2011), https://doi.org/10.1145/2063384.2063405
#pragma once

#include <cstdint>

namespace firstdraw {

struct Words {
  std::uint32_t c[4];
};

static inline Words philox(std::uint64_t block, std::uint64_t seed, std::uint32_t k0, std::uint32_t k1) {
  std::uint32_t c0 = std::uint32_t(block), c1 = std::uint32_t(block >> 32);
  std::uint32_t c2 = std::uint32_t(seed), c3 = std::uint32_t(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t(0xD2511F53) * c0, p1 = std::uint64_t(0xCD9E8D57) * c2;
    const std::uint32_t n0 = std::uint32_t(p1 >> 32) ^ c1 ^ k0, n2 = std::uint32_t(p0 >> 32) ^ c3 ^ k1;
    c1 = std::uint32_t(p1);
    c3 = std::uint32_t(p0);
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return {{c0, c1, c2, c3}};
}

// The upper 53 of 64 bits as a number in [0, 1).
static inline double unit_interval(std::uint32_t low, std::uint32_t high) {
  return double((std::uint64_t(high) << 32 | low) >> 11) * 0x1p-53;
}

// Element i of the uniform draws under a key and a seed.
static inline double uniform(std::int64_t i, std::uint64_t seed, std::uint32_t k0, std::uint32_t k1) {
  const Words w = philox(std::uint64_t(i) / 2, seed, k0, k1);
  return i % 2 ? unit_interval(w.c[2], w.c[3]) : unit_interval(w.c[0], w.c[1]);
}

}  // namespace firstdraw
