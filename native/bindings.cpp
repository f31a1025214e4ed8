// The module `firstdraw._native`: checks what Python hands over, and calls the engine without the interpreter's lock.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <initializer_list>
#include <string>

#include "draws.hpp"
#include "engine.hpp"

namespace nb = nanobind;

namespace {

using namespace firstdraw;

template <class U, class... Rest> using Array = nb::ndarray<U, nb::c_contig, nb::device::cpu, Rest...>;

// The trajectory's arrays, by name; each must have the shape that the task gives it.
template <class U> U* piece(nb::dict arrays, const char* name, std::initializer_list<std::int64_t> shape) {
  const auto array = nb::cast<Array<U>>(arrays[name]);
  if (array.ndim() != shape.size()) throw nb::value_error((std::string(name) + " has the wrong dimensions").c_str());
  std::size_t axis = 0;
  for (const std::int64_t length : shape)
    if (static_cast<std::int64_t>(array.shape(axis++)) != length)
      throw nb::value_error((std::string(name) + " has the wrong shape").c_str());
  return array.data();
}

template <class T> Examples<T> examples(nb::dict part, std::int64_t d, std::int64_t k) {
  const auto X = nb::cast<Array<const T, nb::ndim<2>>>(part["X"]);
  Examples<T> result;
  result.m = static_cast<std::int64_t>(X.shape(1));
  result.X = piece<const T>(part, "X", {d, result.m});
  result.Y = piece<const T>(part, "Y", {k, result.m});
  // A label is compared, never used as an index.
  if (part.contains("labels")) result.labels = piece<const std::int64_t>(part, "labels", {result.m});
  return result;
}

template <class T>
bool train_networks(nb::dict settings, nb::dict train_part, nb::dict test_part, Array<const T, nb::ndim<2>> start,
                    nb::dict arrays, int threads, int target, nb::callable poll) {
  Task<T> task;
  const auto widths = nb::cast<Array<const std::int64_t, nb::ndim<1>>>(settings["widths"]);
  task.widths = widths.data();
  task.L = static_cast<int>(widths.shape(0)) - 1;
  if (task.L < 1) throw nb::value_error("widths must have two entries or more");
  for (int l = 0; l < task.L; ++l) task.P += task.widths[l + 1] * (task.widths[l] + 1);
  const auto branch = nb::cast<Array<const std::int64_t, nb::shape<-1, 3>>>(settings["branches"]);
  task.branch = branch.data();
  task.branches = static_cast<int>(branch.shape(0));
  task.P += task.branches;
  task.n = static_cast<std::int64_t>(start.shape(0));
  if (static_cast<std::int64_t>(start.shape(1)) != task.P) throw nb::value_error("start has the wrong shape");
  task.start = start.data();
  task.activation = static_cast<Activation>(nb::cast<int>(settings["activation"]));
  task.slope = nb::cast<double>(settings["slope"]);
  task.loss = static_cast<Loss>(nb::cast<int>(settings["loss"]));
  task.optimizer = {static_cast<Optimizer>(nb::cast<int>(settings["optimizer"])),
                    nb::cast<double>(settings["learning_rate"]), nb::cast<double>(settings["momentum"]),
                    nb::cast<double>(settings["beta_1"]), nb::cast<double>(settings["beta_2"]),
                    nb::cast<double>(settings["decay"]), nb::cast<double>(settings["weight_decay"]),
                    nb::cast<double>(settings["epsilon"])};
  task.steps = nb::cast<std::int64_t>(settings["steps"]);
  task.batch = nb::cast<std::int64_t>(settings["batch"]);
  const std::int64_t d = task.widths[0], k = task.widths[task.L];
  task.train = examples<T>(train_part, d, k);
  if (test_part.size() > 0) task.test = examples<T>(test_part, d, k);

  const auto keys = nb::cast<Array<const std::uint32_t, nb::ndim<2>>>(settings["epoch_keys"]);
  const auto seeds = nb::cast<Array<const std::uint64_t, nb::ndim<1>>>(settings["seeds"]);
  if (static_cast<std::int64_t>(seeds.shape(0)) != task.n) throw nb::value_error("seeds has the wrong shape");
  if (task.batch > 0 && task.batch < task.train.m) {
    const std::int64_t batches = (task.train.m + task.batch - 1) / task.batch;
    if (static_cast<std::int64_t>(keys.shape(0)) < (task.steps + batches - 1) / batches || keys.shape(1) != 2)
      throw nb::value_error("epoch_keys has too few keys");
  }
  task.epoch_keys = keys.data();
  task.seeds = seeds.data();
  const auto record_steps = nb::cast<Array<const std::int64_t, nb::ndim<1>>>(settings["record_steps"]);
  const auto snapshot_steps = nb::cast<Array<const std::int64_t, nb::ndim<1>>>(settings["snapshot_steps"]);
  task.record_steps = record_steps.data();
  task.R = static_cast<std::int64_t>(record_steps.shape(0));
  task.snapshot_steps = snapshot_steps.data();
  task.S = static_cast<std::int64_t>(snapshot_steps.shape(0));

  const std::int64_t n = task.n, R = task.R, L = task.L;
  task.records = {piece<double>(arrays, "cost", {n, R}),
                  piece<double>(arrays, "textbook_cost", {n, R}),
                  piece<double>(arrays, "test_cost", {n, R}),
                  piece<double>(arrays, "train_accuracy", {n, R}),
                  piece<double>(arrays, "test_accuracy", {n, R}),
                  piece<double>(arrays, "activation_rms", {n, R, L}),
                  piece<double>(arrays, "gradient_rms", {n, R, L}),
                  piece<double>(arrays, "weight_rms", {n, R, L}),
                  piece<double>(arrays, "distinct_units", {n, R, L}),
                  piece<double>(arrays, "unit_difference", {n, R, L}),
                  piece<T>(arrays, "snapshots", {n, task.S, task.P}),
                  piece<T>(arrays, "final", {n, task.P}),
                  piece<std::int64_t>(arrays, "outcome", {n, 3})};

  // An exception of the progress callback, or an interrupt, stops the training and is raised after the threads ended.
  bool raised = false;
  nb::python_error* error = nullptr;
  bool complete = false;
  {
    nb::gil_scoped_release unlocked;
    complete = train<T>(task, threads, static_cast<Target>(target), [&](std::int64_t steps) {
      nb::gil_scoped_acquire locked;
      try {
        if (PyErr_CheckSignals() != 0) throw nb::python_error();
        poll(steps);
        return true;
      } catch (nb::python_error& thrown) {
        if (!raised) error = new nb::python_error(std::move(thrown));
        raised = true;
        return false;
      }
    });
  }
  if (raised) {
    nb::python_error thrown(std::move(*error));
    delete error;
    throw thrown;
  }
  return complete;
}

template <class T>
void evaluate_function(int function, Array<const T, nb::ndim<1>> x, Array<T, nb::ndim<1>> y, int target) {
  if (function < 0 || function > static_cast<int>(Function::square_root)) throw nb::value_error("no such function");
  if (x.shape(0) != y.shape(0)) throw nb::value_error("x and y must have the same length");
  evaluate_on<T>(static_cast<Target>(target), static_cast<Function>(function), x.data(), y.data(),
                 static_cast<std::int64_t>(x.shape(0)));
}

// Fills an array with elements of a stream; `lengths` and `strides` as in draws.hpp.
template <class T>
void fill_array(Array<T, nb::ndim<1>> out, int law, std::uint64_t k0, std::uint64_t k1, std::uint64_t seed,
                std::int64_t first, Array<const std::int64_t, nb::ndim<1>> lengths,
                Array<const std::int64_t, nb::ndim<1>> strides, double scale, double shift, int threads, int target) {
  if (law < 0 || law > static_cast<int>(DrawsLaw::normal)) throw nb::value_error("no such law");
  if (k0 >> 32 || k1 >> 32) throw nb::value_error("a key must be two numbers below 2^32");
  if (first < 0) throw nb::value_error("first must not be negative");
  if (threads < 1) throw nb::value_error("threads must be positive");
  if (target < 0 || target > static_cast<int>(Target::avx512) || !has_target(static_cast<Target>(target)))
    throw nb::value_error("no such instruction set here");
  if (lengths.shape(0) == 0 || lengths.shape(0) != strides.shape(0))
    throw nb::value_error("lengths and strides must have the same number of entries, at least one");
  const int axes = static_cast<int>(lengths.shape(0));
  if (strides.data()[axes - 1] != 1) throw nb::value_error("the last stride must be 1");
  std::int64_t count = 1, last = first, distance = 0;
  for (int axis = 0; axis < axes; ++axis) {
    const std::int64_t length = lengths.data()[axis], stride = strides.data()[axis];
    if (length < 0 || stride < 0) throw nb::value_error("lengths and strides must not be negative");
    if (__builtin_mul_overflow(count, length, &count)) throw nb::value_error("too many elements");
    if (length > 0 && (__builtin_mul_overflow(length - 1, stride, &distance) ||
                       __builtin_add_overflow(last, distance, &last)))
      throw nb::value_error("the last element's index must be below 2^63");
  }
  if (count != static_cast<std::int64_t>(out.shape(0))) throw nb::value_error("out has the wrong length");
  if (count == 0) return;
  const Stream stream{static_cast<DrawsLaw>(law), static_cast<std::uint32_t>(k0), static_cast<std::uint32_t>(k1),
                      seed, scale, shift};
  nb::gil_scoped_release unlocked;
  fill<T>(stream, {first, axes, lengths.data(), strides.data()}, out.data(), threads, static_cast<Target>(target));
}

template <class T> void define_fill(nb::module_& module, const char* name) {
  module.def(name, &fill_array<T>, nb::arg("out").noconvert(), nb::arg("law"), nb::arg("k0"), nb::arg("k1"),
             nb::arg("seed"), nb::arg("first"), nb::arg("lengths"), nb::arg("strides"), nb::arg("scale"),
             nb::arg("shift"), nb::arg("threads"), nb::arg("target"));
}

}  // namespace

NB_MODULE(_native, module) {
  module.doc() = "What is compiled: firstdraw.engine.native and firstdraw.draws.native are its Python faces.";
  module.def("train_float64", &train_networks<double>);
  module.def("train_float32", &train_networks<float>);
  module.def("evaluate_float64", &evaluate_function<double>);
  module.def("evaluate_float32", &evaluate_function<float>);
  define_fill<double>(module, "fill_float64");
  define_fill<float>(module, "fill_float32");
  module.def("best_target", [] { return static_cast<int>(firstdraw::best_target()); });
  module.def("has_target", [](int target) { return firstdraw::has_target(static_cast<firstdraw::Target>(target)); });
  module.def("measured_peak", [](const std::string& precision, int target) {
    nb::gil_scoped_release unlocked;
    const auto chosen = static_cast<firstdraw::Target>(target);
    return precision == "float32" ? firstdraw::measured_peak<float>(chosen) : firstdraw::measured_peak<double>(chosen);
  });
}
