#include "target.hpp"

#include <initializer_list>

namespace firstdraw {

bool has_target(Target target) {
#if defined(__x86_64__)
  if (target == Target::avx512)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  if (target == Target::avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return target == Target::baseline;
#elif defined(__aarch64__)
  return target == Target::neon;
#else
  return target == Target::baseline;
#endif
}

Target best_target() {
  for (const Target target : {Target::avx512, Target::avx2, Target::neon})
    if (has_target(target)) return target;
  return Target::baseline;
}

}  // namespace firstdraw
