// A thread's memory: one block, handed out in aligned pieces. Without a block it only counts, so that the same
// constructor first tells how much it needs and then takes it.
#pragma once

#include <cstdint>

namespace firstdraw {
namespace {

struct Arena {
  char* base = nullptr;
  std::int64_t used = 0;

  template <class U> U* take(std::int64_t count) {
    U* piece = base == nullptr ? nullptr : reinterpret_cast<U*>(base + used);
    used += (count * std::int64_t(sizeof(U)) + 63) / 64 * 64;
    return piece;
  }
};

}  // namespace
}  // namespace firstdraw
