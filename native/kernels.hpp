// What each instruction set is compiled to: see kernels.cpp.
#pragma once

#include "task.hpp"

namespace firstdraw {

// The examples of a task, packed once for all threads: the bytes they take, and the packing.
template <class T, int B> std::int64_t packed_bytes(const Task<T>& task);
template <class T, int B> void* make_packed(const Task<T>& task, char* memory);

// The bytes of memory that a thread needs for a task, and the training of one network in such memory.
template <class T, int B> std::int64_t workspace_bytes(const Task<T>& task);
template <class T, int B> void* make_run(const Task<T>& task, const void* packed, char* memory);
template <class T, int B> void train_network(void* run, std::int64_t network);
template <class T, int B> double multiply_adds(std::int64_t rounds);

// The elementary functions over arrays, so that tests can hold them against known values.
enum class Function {
  exponential, exponential_minus_one, logarithm_1p, tanh, sigmoid, softplus, erf, normal, normal_density, sine, cosine,
  square_root
};
template <class T, int B> void evaluate(Function function, const T* x, T* y, std::int64_t count);

}  // namespace firstdraw
