// The engine by itself, without Python: `proofs [quick]` prints what fails, and returns whether anything did.
#include <cstring>

#include "checks.hpp"
#include "suites.hpp"

int main(int count, char** arguments) {
  const bool quick = count > 1 && std::strcmp(arguments[1], "quick") == 0;
  firstdraw::test::elementary();
  firstdraw::test::training(quick);
  firstdraw::test::threads();
  return firstdraw::test::report();
}
