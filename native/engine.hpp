// Many networks on many threads, each on the widest vectors of this machine.
#pragma once

#include <functional>

#include "kernels.hpp"
#include "task.hpp"

namespace firstdraw {

// The baseline is what every machine of a kind has: SSE2 on x86-64. On 64-bit Arm that is NEON, by its name.
enum class Target { baseline, avx2, avx512, neon };

// The widest instruction set that was compiled and that this machine has.
Target best_target();
bool has_target(Target target);

// Trains all networks of a task. `poll` is called on the calling thread about twenty times a second with the steps made
// so far, and stops the training by returning false. Returns whether all were trained.
template <class T>
bool train(Task<T> task, int threads, Target target, const std::function<bool(std::int64_t)>& poll);

// The elementary functions on an instruction set.
template <class T> void evaluate_on(Target target, Function function, const T* x, T* y, std::int64_t count);

// The multiply-adds of one core, measured: floating-point operations a second.
template <class T> double measured_peak(Target target);

}  // namespace firstdraw
