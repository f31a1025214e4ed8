// Many networks on many threads, each on the widest vectors of this machine.
#pragma once

#include <functional>

#include "kernels.hpp"
#include "target.hpp"
#include "task.hpp"

namespace firstdraw {

// Trains all networks of a task. `poll` is called on the calling thread about twenty times a second with the steps made
// so far, and stops the training by returning false. Returns whether all were trained.
template <class T>
bool train(Task<T> task, int threads, Target target, const std::function<bool(std::int64_t)>& poll);

// The elementary functions on an instruction set.
template <class T> void evaluate_on(Target target, Function function, const T* x, T* y, std::int64_t count);

// The multiply-adds of one core, measured: floating-point operations a second.
template <class T> double measured_peak(Target target);

}  // namespace firstdraw
