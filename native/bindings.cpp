// The module `firstdraw._native`: hands what Python gives, once it is checked, to the engine, which runs without the
// interpreter's lock.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <exception>
#include <string>

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

}  // namespace

NB_MODULE(_native, module) {
  module.doc() = "The native engine: firstdraw.engine.native is its Python face.";
  module.def("train_float64", &train_networks<double>);
  module.def("train_float32", &train_networks<float>);
  module.def("evaluate_float64", &evaluate_function<double>);
  module.def("evaluate_float32", &evaluate_function<float>);
  module.def("best_target", [] { return static_cast<int>(firstdraw::best_target()); });
  module.def("has_target", [](int target) { return firstdraw::has_target(static_cast<firstdraw::Target>(target)); });
  module.def("measured_peak", [](const std::string& precision, int target) {
    const auto chosen = firstdraw::target_of(target);
    nb::gil_scoped_release unlocked;
    return precision == "float32" ? firstdraw::measured_peak<float>(chosen) : firstdraw::measured_peak<double>(chosen);
  });
}
