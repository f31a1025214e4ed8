// The elementary functions at every size of number and at the special ones, against the C library.
#include <cmath>
#include <limits>

#include "checks.hpp"
#include "problem.hpp"
#include "suites.hpp"

namespace firstdraw::test {
namespace {

constexpr Function functions[] = {
    Function::exponential, Function::exponential_minus_one, Function::logarithm_1p, Function::tanh,
    Function::sigmoid,     Function::softplus,              Function::erf,          Function::normal,
    Function::normal_density, Function::sine,               Function::cosine,       Function::square_root};

// In long double where that is longer, so that the library's own rounding does not matter.
double expected(Function function, double value) {
  const long double x = value, root_2 = std::sqrt(2.0L), pi = std::acos(-1.0L);
  switch (function) {
    case Function::exponential: return double(std::exp(x));
    case Function::exponential_minus_one: return double(std::expm1(x));
    case Function::logarithm_1p: return double(std::log1p(x));
    case Function::tanh: return double(std::tanh(x));
    case Function::sigmoid: return double(1 / (1 + std::exp(-x)));
    case Function::softplus: return double(x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)));
    case Function::erf: return double(std::erf(x));
    case Function::normal: return double(std::erfc(-x / root_2) / 2);
    case Function::normal_density: return double(std::exp(-x * x / 2) / std::sqrt(2 * pi));
    case Function::sine: return std::isinf(x) ? NAN : double(std::sin(x));
    case Function::cosine: return std::isinf(x) ? NAN : double(std::cos(x));
    case Function::square_root: return double(std::sqrt(x));
  }
  return NAN;
}

template <class T> std::vector<T> arguments(Function function) {
  using Limits = std::numeric_limits<T>;
  std::vector<T> positive = {T(0), Limits::denorm_min(), Limits::min(), Limits::epsilon(), T(0.5), T(1),
                             T(3.14159265358979), Limits::max(), Limits::infinity()};
  for (int exponent = Limits::min_exponent - Limits::digits + 1; exponent < Limits::max_exponent; ++exponent)
    positive.push_back(std::ldexp(T(1.37), exponent));
  for (double x = 0; x < 50; x += 0.37) positive.push_back(T(x));
  std::vector<T> both = positive;
  // log(1 + x) is for x >= 0 alone.
  if (function != Function::logarithm_1p)
    for (const T x : positive) both.push_back(-x);
  both.push_back(Limits::quiet_NaN());
  return both;
}

// Six units in the last place, what the worst of the functions is off by without FMA; of a denormal, as absolute
// units. Where the function overflows, one of both may be the largest number.
template <class T> bool near(T found, double wanted) {
  using Limits = std::numeric_limits<T>;
  if (std::isnan(wanted)) return std::isnan(found);
  const double largest = double(Limits::max());
  if (std::fabs(wanted) > largest * (1 - 6 * double(Limits::epsilon())))
    return std::signbit(found) == std::signbit(wanted) && std::fabs(double(found)) >= largest * (1 - 1e-5);
  return std::fabs(double(found) - wanted) <=
         6 * std::max(double(Limits::epsilon()) * std::fabs(wanted), double(Limits::denorm_min()));
}

template <class T> void every_function() {
  for (const Target target : targets())
    for (const Function function : functions) {
      const std::vector<T> given = arguments<T>(function);
      const auto count = std::int64_t(given.size());
      const Buffer<T> x(count), y(count);
      std::copy(given.begin(), given.end(), x.begin());
      evaluate_on<T>(target, function, x.begin(), y.begin(), count);
      for (std::int64_t i = 0; i < count; ++i) {
        std::ostringstream text;
        text.precision(17);
        text << "function " << int(function) << " of " << x[i] << " is " << y[i] << ", target " << int(target);
        situation = text.str();
        CHECK(near<T>(y[i], expected(function, double(x[i]))));
      }
    }
}

}  // namespace

void elementary() {
  every_function<double>();
  every_function<float>();
}

}  // namespace firstdraw::test
