// The forward and the backward pass of one network over a tile of examples.
//
// Symbols: theta the parameters, g the gradient; A_[l] `[width l, samples]` the activations, A_[0] the inputs, Z the
// pre-activations, D_[l] = phi'(Z_[l]), F_[l] what a branch that ends in layer l adds to its stream; dX is the
// derivative of the cost by X. A derivative is written over what it is the derivative of, when that is needed no more.
#pragma once

#include "activation.hpp"
#include "first_gradient.hpp"
#include "layers.hpp"
#include "transpose.hpp"

namespace firstdraw {
namespace {

template <class T, int B> class Passes {
  using S = Simd<T, B>;
  using V = typename S::Vector;
  static constexpr int lanes = S::lanes;

 public:
  Passes(const Task<T>& task, Arena& arena)
      : activation_(task.activation), slope_(T(task.slope)), layers_(task, arena), L_(task.L),
        cancelled_(task.cancelled) {
    A_ = arena.take<T*>(L_ + 1);
    D_ = arena.take<T*>(L_ + 1);
    F_ = arena.take<T*>(L_ + 1);
    const bool derivative = activation_ != Activation::relu && activation_ != Activation::identity;
    for (int l = 0, branch = 0; l < L_; ++l) {
      const bool ends = branch < task.branches && task.branch[3 * branch + 1] == l + 1;
      branch += ends;
      const std::int64_t size = task.widths[l + 1] * tile_row;
      T* const a = arena.take<T>(size);
      T* const d = arena.take<T>(derivative && l + 1 < L_ ? size : 0);
      T* const f = arena.take<T>(ends ? size : 0);
      if (arena.base == nullptr) continue;
      A_[l + 1] = a;
      D_[l + 1] = d;
      F_[l + 1] = ends ? f : a;
    }
    sums_ = arena.take<T>(layers_.sums);
    transposed_ = arena.take<T>(round_up(layers_.widest, lanes) * tile_row);
  }

  const Layer& layer(int l) const { return layers_.layer[l]; }
  // Layer l's output, `[width l, samples]`; the network's output for L.
  T* output(int l) const { return A_[l]; }

  // Takes the parameters that the next passes use.
  void use(const T* theta) { theta_ = theta; }

  // Runs the inputs X `[d, samples]` through all layers. Looks at the first `checked` examples of each Z, and returns
  // the first layer, from 1, in which one, or a sum at the end of a branch, is not finite, else 0.
  int forward(const T* X, std::int64_t samples, std::int64_t checked) {
    A_[0] = const_cast<T*>(X);
    int infinite = 0;
    for (int l = 0; l < L_ && !cancelled(); ++l) {
      const Layer& y = layer(l);
      const bool rectified = y.activated && activation_ == Activation::relu, on_the_way = rectified && !checked;
      multiply_forward(y, A_[l], F_[l + 1], samples, on_the_way);
      if (checked && !infinite && !finite(F_[l + 1], y.out, checked)) infinite = l + 1;
      const bool left = y.activated && !on_the_way && activation_ != Activation::identity;
      for (std::int64_t row = 0; left && row < y.out * tile_row; row += tile_row)
        if (rectified) rectify<T, B>(F_[l + 1] + row, samples);
        else activate<T, B>(activation_, F_[l + 1] + row, D_[l + 1] + row, samples, slope_);
      if (!y.ends_branch()) continue;
      add_branch(y, A_[y.skip], F_[l + 1], A_[l + 1], samples);
      if (checked && !infinite && !finite(A_[l + 1], y.out, checked)) infinite = l + 1;
    }
    return infinite;
  }

  // Adds the derivatives by theta, from dZ of the last layer, which lies in its output. The first tile begins the sums.
  void backward(std::int64_t samples, bool fresh, T* g) {
    T* dZ = A_[L_];
    T* dStream = nullptr;  // of the stream beside the branch that we are in
    for (int l = L_ - 1; l >= 0 && !cancelled(); --l) {
      const Layer& y = layer(l);
      add_gradient(y, dZ, A_[l], samples, fresh, g);
      if (l == 0) return;
      const Layer& before = layer(l - 1);
      if (l == 1 && before.in <= most_first_inputs<B> && !y.begins_branch && !before.ends_branch()) {
        add_first_gradient(y, before, dZ, samples, fresh);
        return;
      }
      T* const dA = y.begins_branch ? dStream : A_[l];
      multiply_backward(y, l, dZ, dA, samples);
      dZ = dA;
      if (before.ends_branch()) {
        dStream = dA;
        dZ = F_[l];
        differentiate_branch(before, dA, dZ, D_[l], samples, fresh);
      }
    }
  }

  // Whether somebody wants the training to stop. Asked before each piece of work that takes a wide network longer than
  // a person waits; what the piece would have left is then of no use, and nothing that follows may look at it.
  bool cancelled() const { return __atomic_load_n(cancelled_, __ATOMIC_RELAXED) != 0; }

  // Gathers the sums into g, in the order of theta.
  void collect(T* g) const {
    for (int l = 0; l < L_; ++l) {
      const Layer& y = layer(l);
      const T* const dW = sums_ + y.sums;
      if (y.lanewise) {
        sum_over_lanes<T, B>(dW, g + y.W, y.weights() + y.out + y.ends_branch());
        continue;
      }
      for (int j = 0; j < y.out && !y.straight; ++j)
        __builtin_memcpy(g + y.W + std::int64_t(j) * y.in, dW + j * y.dW_row, sizeof(T) * (unsigned long)(y.in));
      sum_over_lanes<T, B>(db_of(y), g + y.b, y.out + y.ends_branch());
    }
  }

 private:
  Activation activation_;
  T slope_;
  Layers<T, B> layers_;
  int L_;
  const int* cancelled_;
  T **A_, **D_, **F_;
  const T* theta_ = nullptr;
  T *sums_, *transposed_;

  T* db_of(const Layer& y) const {
    return sums_ + y.sums + (y.straight ? 0 : y.out * y.dW_row);
  }

  static bool finite(const T* Z, int rows, std::int64_t count) {
    T zeros = 0;
    for (int j = 0; j < rows; ++j)
      for (std::int64_t s = 0; s < count; ++s) zeros += Z[j * tile_row + s] * T(0);
    return zeros == 0;
  }

  // Z = b + W A, rectified on the way if asked.
  void multiply_forward(const Layer& y, const T* A, T* Z, std::int64_t samples, bool rectified) const {
    const auto run = rectified ? product<T, B, Start::row, Finish::rectify, TileRows>
                               : product<T, B, Start::row, Finish::plain, TileRows>;
    run({theta_ + y.W, y.in, 1}, A, Z, {}, y.out, int(samples / lanes), y.in, theta_ + y.b, nullptr);
  }

  // How W^T dZ is finished below a layer, where its derivative is taken, and what it is multiplied with.
  Finish finish_below(const Layer& before) const {
    if (before.ends_branch() || !before.activated || activation_ == Activation::identity) return Finish::plain;
    return activation_ == Activation::relu ? Finish::where_positive : Finish::times;
  }
  const T* factor_below(int l) const { return activation_ == Activation::relu ? A_[l] : D_[l]; }

  // dA = W^T dZ into layer l's outputs, added to what is there if the layer above begins a branch; unless a branch ends
  // in layer l, times phi'.
  void multiply_backward(const Layer& y, int l, const T* dZ, T* dA, std::int64_t samples) const {
    const Finish finish = finish_below(layer(l - 1));
    const auto run_from = [&]<Start start>() {
      const auto run = finish == Finish::plain            ? product<T, B, start, Finish::plain, TileRows>
                       : finish == Finish::where_positive ? product<T, B, start, Finish::where_positive, TileRows>
                                                          : product<T, B, start, Finish::times, TileRows>;
      run({theta_ + y.W, 1, y.in}, dZ, dA, {}, y.in, int(samples / lanes), y.out, nullptr, factor_below(l));
    };
    if (y.begins_branch) run_from.template operator()<Start::there>();
    else run_from.template operator()<Start::zero>();
  }

  // The first layer's dW and db, from dZ of the second.
  void add_first_gradient(const Layer& second, const Layer& first, const T* dZ, std::int64_t samples,
                          bool fresh) const {
    const Finish finish = finish_below(first);
    const auto run = finish == Finish::plain            ? first_gradient<T, B, Finish::plain>
                     : finish == Finish::where_positive ? first_gradient<T, B, Finish::where_positive>
                                                        : first_gradient<T, B, Finish::times>;
    run({theta_ + second.W, 1, second.in}, dZ, factor_below(1), A_[0], int(samples / lanes), first.out, first.in,
        second.out, {sums_ + first.sums, db_of(first), fresh});
  }

  // Adds dW = dZ A^T and db = dZ 1.
  void add_gradient(const Layer& y, const T* dZ, const T* A, std::int64_t samples, bool fresh, T* g) {
    const int vectors = int(samples / lanes);
    if (y.lanewise) {
      lanewise_gradient<T, B>(dZ, A, vectors, y.out, y.in, {sums_ + y.sums, db_of(y), fresh});
      return;
    }
    lanewise_sums<T, B>(dZ, vectors, y.out, db_of(y), fresh);
    transpose<T, B>(A, y.in, samples, transposed_, y.dW_row);
    const auto run = fresh ? product<T, B, Start::zero, Finish::plain, Rows>
                           : product<T, B, Start::there, Finish::plain, Rows>;
    run({dZ, tile_row, 1}, transposed_, y.straight ? g + y.W : sums_ + y.sums, {y.dW_row, y.dW_row}, y.out,
        int(y.dW_row / lanes), int(samples), nullptr, nullptr);
  }

  // A = X + alpha F.
  void add_branch(const Layer& y, const T* X, const T* F, T* A, std::int64_t samples) const {
    const V alpha = S::broadcast(theta_[y.alpha]);
    for (int j = 0; j < y.out; ++j)
      for (std::int64_t at = j * tile_row; at < j * tile_row + samples; at += lanes)
        S::store(A + at, S::load(X + at) + alpha * S::load(F + at));
  }

  // dalpha = sum(dA F) and dZ = alpha dA phi'(Z), the latter over F.
  void differentiate_branch(const Layer& y, const T* dA, T* F, const T* D, std::int64_t samples, bool fresh) {
    const V alpha = S::broadcast(theta_[y.alpha]);
    const bool activated = y.activated && activation_ != Activation::identity;
    const bool rectified = activation_ == Activation::relu;
    T* const dalpha = db_of(y) + y.out * lanes;
    V sum = fresh ? V{} : S::load(dalpha);
    for (int j = 0; j < y.out; ++j)
      for (std::int64_t at = j * tile_row; at < j * tile_row + samples; at += lanes) {
        const V d = S::load(dA + at);
        sum += d * S::load(F + at);
        const V dF = alpha * d;
        const V dZ = !activated  ? dF
                     : rectified ? finished<T, B, Finish::where_positive>(dF, F + at)
                                 : finished<T, B, Finish::times>(dF, D + at);
        S::store(F + at, dZ);
      }
    S::store(dalpha, sum);
  }
};

}  // namespace
}  // namespace firstdraw
