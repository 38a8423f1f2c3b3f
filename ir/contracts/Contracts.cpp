// Definitions generated for the op contracts.
#include "ir/contracts/Contracts.h"
#include "ir/contracts/Contracts.cpp.inc"
