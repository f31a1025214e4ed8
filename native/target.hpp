// The instruction sets that everything is compiled for; see CMakeLists.txt.
#pragma once

namespace firstdraw {

// The baseline is what every machine of a kind has: SSE2 on x86-64. On 64-bit Arm that is NEON, by its name.
enum class Target { baseline, avx2, avx512, neon };

// The widest instruction set that was compiled and that this machine has.
Target best_target();
bool has_target(Target target);

}  // namespace firstdraw
