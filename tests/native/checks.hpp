// Checks that go on: each failure is printed with the case it happened in, and `main` returns whether there was one.
#pragma once

#include <cstdio>
#include <string>

namespace firstdraw::test {

inline int failures = 0;
inline long checked = 0;
inline std::string situation;

inline void check(bool holds, const char* condition, const char* file, int line) {
  ++checked;
  if (holds) return;
  if (++failures <= 50) std::printf("%s:%d: %s: %s\n", file, line, situation.c_str(), condition);
}

#define CHECK(condition) ::firstdraw::test::check(bool(condition), #condition, __FILE__, __LINE__)

inline int report() {
  std::printf("%ld checks, %d failed\n", checked, failures);
  return checked == 0 || failures > 0;
}

}  // namespace firstdraw::test
