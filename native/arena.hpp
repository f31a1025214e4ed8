// A thread's memory: one block, handed out in aligned pieces. Without a block it only counts, so that the same
// constructor first tells how much it needs and then takes it.
#pragma once

#include <cstdint>

// Under the address sanitizer, what lies between two pieces is forbidden ground.
#if defined(__SANITIZE_ADDRESS__)
#define FIRSTDRAW_FENCES
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIRSTDRAW_FENCES
#endif
#endif
#ifdef FIRSTDRAW_FENCES
extern "C" void __asan_poison_memory_region(const volatile void* start, decltype(sizeof(0)) bytes);
#endif

namespace firstdraw {
namespace {

struct Arena {
  char* base = nullptr;
  std::int64_t used = 0;

  template <class U> U* take(std::int64_t count) {
    U* piece = base == nullptr ? nullptr : reinterpret_cast<U*>(base + used);
    const std::int64_t end = used + count * std::int64_t(sizeof(U));
    used = (end + 63) / 64 * 64;
#ifdef FIRSTDRAW_FENCES
    used += 64;
    if (base != nullptr) __asan_poison_memory_region(base + end, static_cast<decltype(sizeof(0))>(used - end));
#endif
    return piece;
  }
};

}  // namespace
}  // namespace firstdraw
