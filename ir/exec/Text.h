// Dispatches over text in C++: included by what emits or runs them.
#pragma once
#include "ir/exec/Exec.h"
#define GET_OP_CLASSES
#include "ir/exec/TextOps.h.inc"
