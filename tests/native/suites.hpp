// What the proofs consist of; see each file.
#pragma once

namespace firstdraw::test {

void elementary();
// `quick` leaves out the largest sizes, for machines that are emulated.
void training(bool quick);
void threads();

}  // namespace firstdraw::test
