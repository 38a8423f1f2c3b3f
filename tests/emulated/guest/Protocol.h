/* What the host gives to the guest (the payload) and what it gets back (the results): words of 8
 * bytes, little-endian; what has a number of bytes is filled up to words.
 *
 * Payload: records until kEnd.
 *   kModule, 1 to refuse tile state, size, address of ingot_artifact in it, the shared object
 *   kRun, number, function, symbols, the value of each, inputs, for each its bytes, data,
 *     variables, for each its index, bytes, data
 * Results: likewise.
 *   kModule, requests for tile state so far, bytes, the variant's name (none where it has none)
 *   kRun, number, status, flags, outputs, for each its rank, extents, bytes, data, variables, for
 *     each its bytes, data
 *   kFault, vector, two words of the stack (the first is where, but for a vector with an error
 *     code), of an undefined instruction its bytes: the guest ends
 *   kEnd
 */
#ifndef INGOT_TESTS_EMULATED_PROTOCOL_H
#define INGOT_TESTS_EMULATED_PROTOCOL_H

enum { kModule = 1, kRun = 2, kEnd = 3, kFault = 4 };

/* Flags of a run. */
enum {
  kOrderMatters = 1, /* with the tasks in reverse order the results are others */
  kTilesInUse = 2    /* a task left tile state behind */
};

#endif
