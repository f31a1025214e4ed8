// Compiled once for each instruction set, with FIRSTDRAW_BYTES the width of its vectors.
#include "kernels.hpp"

#include "train.hpp"

namespace firstdraw {
namespace {

struct Place {
  void* memory;
};

}  // namespace
}  // namespace firstdraw

inline void* operator new(decltype(sizeof(0)), firstdraw::Place place) noexcept { return place.memory; }

namespace firstdraw {
namespace {

// The bytes that an object takes with what it hands out; the object itself lies at the start.
template <class Object, class... Given> std::int64_t bytes_of(const Given&... given) {
  Arena arena;
  arena.take<Object>(1);
  Object measured(given..., arena);
  return arena.used;
}

template <class Object, class... Given> Object* make(char* memory, const Given&... given) {
  Arena arena{memory};
  void* const place = arena.take<Object>(1);
  return new (Place{place}) Object(given..., arena);
}

}  // namespace

template <class T, int B> std::int64_t packed_bytes(const Task<T>& task) { return bytes_of<Packed<T, B>>(task); }

template <class T, int B> void* make_packed(const Task<T>& task, char* memory) {
  return make<Packed<T, B>>(memory, task);
}

template <class T, int B> std::int64_t workspace_bytes(const Task<T>& task) {
  Arena nowhere;
  return bytes_of<Run<T, B>>(task, Packed<T, B>(task, nowhere));
}

template <class T, int B> void* make_run(const Task<T>& task, const void* packed, char* memory) {
  return make<Run<T, B>>(memory, task, *static_cast<const Packed<T, B>*>(packed));
}

template <class T, int B> void train_network(void* run, std::int64_t network) {
  static_cast<Run<T, B>*>(run)->train(network);
}

// Twelve independent chains of multiply-adds: as fast as a core goes. Returns their sum, so that they are computed.
template <class T, int B> double multiply_adds(std::int64_t rounds) {
  using S = Simd<T, B>;
  typename S::Vector sum[12];
  for (int i = 0; i < 12; ++i) sum[i] = S::broadcast(T(i));
  const auto factor = S::broadcast(T(0.999999)), term = S::broadcast(T(1e-7));
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < 12; ++i) sum[i] = sum[i] * factor + term;
  }
  double total = 0;
  for (int i = 0; i < 12; ++i) total += double(S::sum(sum[i]));
  return total;
}

template <class T, int B>
FIRSTDRAW_INLINE typename Simd<T, B>::Vector value_of(Function f, typename Simd<T, B>::Vector x) {
  typename Simd<T, B>::Vector first, second;
  switch (f) {
    case Function::exponential: return exponential<T, B>(x);
    case Function::exponential_minus_one: return exponential_minus_one<T, B>(x);
    case Function::logarithm_1p: return logarithm_1p<T, B>(x);
    case Function::tanh: return hyperbolic_tangent<T, B>(x);
    case Function::sigmoid: return sigmoid<T, B>(x);
    case Function::softplus: softplus_pair<T, B>(x, &first, &second); return first;
    case Function::erf: return error_function<T, B>(x);
    case Function::normal: normal_pair<T, B>(x, &first, &second); return first;
    case Function::normal_density: normal_pair<T, B>(x, &first, &second); return second;
    case Function::sine: sine_cosine<T, B>(x, &first, &second); return first;
    case Function::cosine: sine_cosine<T, B>(x, &first, &second); return second;
    case Function::square_root: return square_root<T, B>(x);
  }
  return x;
}

// Element by element, each in a vector of its own: a value must not depend on its neighbors.
template <class T, int B> void evaluate(Function function, const T* x, T* y, std::int64_t count) {
  using S = Simd<T, B>;
  for (std::int64_t i = 0; i < count; ++i) y[i] = value_of<T, B>(function, S::broadcast(x[i]))[i % S::lanes];
}

template void evaluate<float, FIRSTDRAW_BYTES>(Function, const float*, float*, std::int64_t);
template void evaluate<double, FIRSTDRAW_BYTES>(Function, const double*, double*, std::int64_t);
template std::int64_t workspace_bytes<float, FIRSTDRAW_BYTES>(const Task<float>&);
template std::int64_t workspace_bytes<double, FIRSTDRAW_BYTES>(const Task<double>&);
template std::int64_t packed_bytes<float, FIRSTDRAW_BYTES>(const Task<float>&);
template std::int64_t packed_bytes<double, FIRSTDRAW_BYTES>(const Task<double>&);
template void* make_packed<float, FIRSTDRAW_BYTES>(const Task<float>&, char*);
template void* make_packed<double, FIRSTDRAW_BYTES>(const Task<double>&, char*);
template void* make_run<float, FIRSTDRAW_BYTES>(const Task<float>&, const void*, char*);
template void* make_run<double, FIRSTDRAW_BYTES>(const Task<double>&, const void*, char*);
template void train_network<float, FIRSTDRAW_BYTES>(void*, std::int64_t);
template void train_network<double, FIRSTDRAW_BYTES>(void*, std::int64_t);
template double multiply_adds<float, FIRSTDRAW_BYTES>(std::int64_t);
template double multiply_adds<double, FIRSTDRAW_BYTES>(std::int64_t);

}  // namespace firstdraw
