// One step of an optimizer over all parameters of a network.
//
// theta the parameters, g the gradient, t the step from 1, eta the learning rate; the formulas, and the order of their
// operations, are those of `firstdraw.engine.optimizers`.
#pragma once

#include "elementary.hpp"
#include "task.hpp"

namespace firstdraw {
namespace {

constexpr int slots_of_state(Optimizer kind) {
  if (kind == Optimizer::sgd) return 0;
  return kind == Optimizer::adam || kind == Optimizer::adamw ? 2 : 1;
}

// Updates theta and the state over P elements, P padded to the lanes, keeps the old theta in `previous`, and returns
// whether every new parameter is finite. With `each`, every element has the learning rate in `rates`, else all have the
// optimizer's.
template <class T, int B, bool each>
bool update(const OptimizerSettings& o, T* theta, const T* g, T* state, T* previous, [[maybe_unused]] const T* rates,
            std::int64_t P, std::int64_t t) {
  using S = Simd<T, B>;
  using V = typename S::Vector;
  const V mu = S::broadcast(T(o.momentum)), rho = S::broadcast(T(o.decay));
  const V one_minus_rho = S::broadcast(T(1 - o.decay)), epsilon = S::broadcast(T(o.epsilon));
  const V beta_1 = S::broadcast(T(o.beta_1)), beta_2 = S::broadcast(T(o.beta_2));
  const V rest_1 = S::broadcast(T(1 - o.beta_1)), rest_2 = S::broadcast(T(1 - o.beta_2));
  V eta = S::broadcast(T(o.learning_rate)), shrink = S::broadcast(T(1 - o.learning_rate * o.weight_decay));
  V unbias_1{}, unbias_2{};
  if (slots_of_state(o.kind) == 2) {
    unbias_1 = S::broadcast(T(1 - __builtin_pow(o.beta_1, double(t))));
    unbias_2 = S::broadcast(T(1 - __builtin_pow(o.beta_2, double(t))));
  }
  V zeros{};
  for (std::int64_t i = 0; i < P; i += S::lanes) {
    V x = S::load(theta + i);
    const V d = S::load(g + i);
    S::store(previous + i, x);
    if constexpr (each) {
      eta = S::load(rates + i);
      shrink = S::broadcast(1) - eta * S::broadcast(T(o.weight_decay));
    }
    switch (o.kind) {
      case Optimizer::sgd: x -= eta * d; break;
      case Optimizer::momentum: {
        const V v = S::load(state + i) * mu + d;
        S::store(state + i, v);
        x -= eta * v;
        break;
      }
      case Optimizer::nesterov: {
        const V v = S::load(state + i) * mu + d;
        S::store(state + i, v);
        x -= eta * (d + mu * v);
        break;
      }
      case Optimizer::rmsprop: {
        const V v = S::load(state + i) * rho + one_minus_rho * d * d;
        S::store(state + i, v);
        x -= eta * d / (square_root<T, B>(v) + epsilon);
        break;
      }
      case Optimizer::adamw: x *= shrink; [[fallthrough]];
      case Optimizer::adam: {
        const V m = S::load(state + i) * beta_1 + rest_1 * d;
        const V v = S::load(state + P + i) * beta_2 + rest_2 * d * d;
        S::store(state + i, m);
        S::store(state + P + i, v);
        x -= eta * (m / unbias_1) / (square_root<T, B>(v / unbias_2) + epsilon);
        break;
      }
    }
    S::store(theta + i, x);
    zeros += x * S::broadcast(0);  // 0 times a number is 0, times infinity or NaN it is NaN
  }
  return S::sum(zeros) == 0;
}

}  // namespace
}  // namespace firstdraw
