// What Python hands over is read here, one argument at a time; what the engine could not bear is refused in a sentence
// with the name, the rule and the value.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

namespace firstdraw {

namespace nb = nanobind;

template <class U> using Array = nb::ndarray<U, nb::c_contig, nb::device::cpu>;
using Shape = std::vector<std::int64_t>;
constexpr std::int64_t any_length = -1;

template <class Value>
[[noreturn]] void refuse(const std::string& name, const std::string& rule, const Value& value) {
  std::ostringstream sentence;
  sentence << '`' << name << "` must be " << rule << ", got " << value;
  throw nb::value_error(sentence.str().c_str());
}

template <class Value>
void check(bool holds, const std::string& name, const std::string& rule, const Value& value) {
  if (!holds) refuse(name, rule, value);
}

inline std::string told(const Shape& shape) {
  std::ostringstream text;
  for (const std::int64_t length : shape) {
    text << (text.tellp() > 0 ? ", " : "(");
    if (length == any_length) text << "any";
    else text << length;
  }
  text << (shape.size() == 1 ? ",)" : ")");
  return text.str();
}

// An array by its type and shape, its elements left out; anything else as Python writes it.
inline std::string told(nb::handle value) {
  if (!nb::hasattr(value, "dtype") || !nb::hasattr(value, "shape")) return nb::repr(value).c_str();
  return nb::str("one of {} {}").format(value.attr("dtype"), value.attr("shape")).c_str();
}

template <class U> std::string number_type() {
  return (std::is_floating_point_v<U> ? "float" : std::is_signed_v<U> ? "int" : "uint") + std::to_string(8 * sizeof(U));
}

// An array as it is, without a copy: contiguous, aligned, and writable unless U is constant.
template <class U> Array<U> array_of(nb::handle value, const std::string& name, const Shape& shape) {
  Array<U> array;
  bool fits = nb::try_cast(value, array, false) && array.ndim() == shape.size();
  for (std::size_t axis = 0; fits && axis < shape.size(); ++axis)
    fits = shape[axis] == any_length || static_cast<std::int64_t>(array.shape(axis)) == shape[axis];
  fits = fits && (array.size() == 0 || reinterpret_cast<std::uintptr_t>(array.data()) % alignof(U) == 0);
  if (fits) return array;
  refuse(name,
         std::string(std::is_const_v<U> ? "a" : "a writable") + " contiguous, aligned array of " +
             number_type<std::remove_const_t<U>>() + " " + told(shape),
         told(value));
}

// The entries of a dictionary. What they refer to lives as long as this does, whatever becomes of the dictionary.
class Arguments {
 public:
  explicit Arguments(nb::dict entries) : entries_(entries) {}

  bool has(const char* name) const { return entries_.contains(name); }

  std::int64_t integer(const char* name, std::int64_t least, std::int64_t most) {
    const nb::object value = entry(name);
    std::int64_t number = 0;
    if (nb::try_cast(value, number, false) && number >= least && number <= most) return number;
    refuse(name, "an integer from " + std::to_string(least) + " to " + std::to_string(most), told(value));
  }

  double number(const char* name) {
    const nb::object value = entry(name);
    double number = 0;
    if (nb::try_cast(value, number)) return number;
    refuse(name, "a number", told(value));
  }

  template <class U> Array<U> array(const char* name, const Shape& shape) {
    const nb::object value = entry(name);
    return array_of<U>(value, name, shape);
  }

  template <class U> U* data(const char* name, const Shape& shape) { return array<U>(name, shape).data(); }

 private:
  nb::dict entries_;
  std::vector<nb::object> kept_;

  nb::object entry(const char* name) {
    if (!has(name)) throw nb::value_error((std::string("`") + name + "` is missing").c_str());
    return kept_.emplace_back(entries_[name]);
  }
};

}  // namespace firstdraw
