// The module `firstdraw._native`: hands what Python gives, once it is checked, to the engine, which runs without the
// interpreter's lock.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <exception>
#include <string>

#include "draws_arguments.hpp"
#include "engine.hpp"
#include "task_arguments.hpp"

namespace nb = nanobind;

namespace {

using namespace firstdraw;

template <class T>
bool train_networks(nb::dict settings_given, nb::dict train_given, nb::dict test_given, nb::object start_given,
                    nb::dict arrays_given, int threads, int target, nb::callable poll) {
  Arguments settings(settings_given), train_part(train_given), test_part(test_given), arrays(arrays_given);
  Task<T> task;
  read_network(settings, task);
  const auto start = array_of<const T>(start_given, "start", {any_length, task.P});
  task.n = static_cast<std::int64_t>(start.shape(0));
  task.start = start.data();
  read_examples(train_part, task, task.train);
  if (test_given.size() > 0) read_examples(test_part, task, task.test);
  read_steps(settings, task);
  read_records(arrays, task);
  check(threads >= 1 && threads <= most_threads, "threads", "from 1 to " + std::to_string(most_threads), threads);
  const Target chosen = target_of(target);

  // An exception of the progress callback, or an interrupt, stops the training and is raised after the threads ended.
  std::exception_ptr raised;
  bool complete = false;
  {
    nb::gil_scoped_release unlocked;
    complete = train<T>(task, threads, chosen, [&](std::int64_t steps) {
      if (raised) return false;
      nb::gil_scoped_acquire locked;
      try {
        if (PyErr_CheckSignals() != 0) throw nb::python_error();
        poll(steps);
        return true;
      } catch (...) {
        raised = std::current_exception();
        return false;
      }
    });
  }
  if (raised) std::rethrow_exception(raised);
  return complete;
}

template <class T> void evaluate_function(int function, nb::object x_given, nb::object y_given, int target) {
  check(function >= 0 && function <= static_cast<int>(Function::square_root), "function", "one of those there are",
        function);
  const auto x = array_of<const T>(x_given, "x", {any_length});
  const auto count = static_cast<std::int64_t>(x.shape(0));
  const auto y = array_of<T>(y_given, "y", {count});
  evaluate_on<T>(target_of(target), static_cast<Function>(function), x.data(), y.data(), count);
}

// Fills an array with elements of a stream; `lengths` and `strides` as in draws.hpp.
template <class T>
void fill_array(nb::object out_given, int law, std::uint64_t k0, std::uint64_t k1, std::uint64_t seed,
                std::int64_t first, nb::object lengths_given, nb::object strides_given, double scale, double shift,
                double cut, double within, double beyond, int threads, int target) {
  const auto out = array_of<T>(out_given, "out", {any_length});
  const auto lengths = array_of<const std::int64_t>(lengths_given, "lengths", {any_length});
  const auto strides =
      array_of<const std::int64_t>(strides_given, "strides", {static_cast<std::int64_t>(lengths.shape(0))});
  const Stream stream = read_stream(law, k0, k1, seed, scale, shift, cut, within, beyond);
  const Elements elements = read_elements(first, lengths, strides, static_cast<std::int64_t>(out.shape(0)));
  check(threads >= 1 && threads <= most_threads, "threads", "from 1 to " + std::to_string(most_threads), threads);
  const Target chosen = target_of(target);
  if (out.shape(0) == 0) return;
  nb::gil_scoped_release unlocked;
  fill<T>(stream, elements, out.data(), threads, chosen);
}

template <class T> void define_fill(nb::module_& module, const char* name) {
  module.def(name, &fill_array<T>, nb::arg("out"), nb::arg("law"), nb::arg("k0"), nb::arg("k1"), nb::arg("seed"),
             nb::arg("first"), nb::arg("lengths"), nb::arg("strides"), nb::arg("scale"), nb::arg("shift"),
             nb::arg("cut"), nb::arg("within"), nb::arg("beyond"), nb::arg("threads"), nb::arg("target"));
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
    const auto chosen = firstdraw::target_of(target);
    nb::gil_scoped_release unlocked;
    return precision == "float32" ? firstdraw::measured_peak<float>(chosen) : firstdraw::measured_peak<double>(chosen);
  });
}
