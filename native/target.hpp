// The instruction sets that everything is compiled for; see CMakeLists.txt.
#pragma once

namespace firstdraw {

enum class Target { baseline, avx2, avx512 };

// The widest instruction set that was compiled and that this machine has.
Target best_target();
bool has_target(Target target);

}  // namespace firstdraw
