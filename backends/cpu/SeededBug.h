// Faults that tests put into the generator on purpose, to see that --debug-arena and the sanitizers
// catch them. Nothing but tests/unit/backends/SeededBugTest.cpp ever sets one: no option, no
// environment variable leads here, and code generated without one is what it would be without this
// file. Set it while no other thread generates code.
#pragma once

namespace ingot::cpu {

enum class SeededBug {
  None,
  NoTailMask,     // the last, partial vector of a lane loop is read and written in full
  NeighbourChunk, // each task also computes the first points of the next task
};

inline SeededBug seededBug = SeededBug::None;

} // namespace ingot::cpu
