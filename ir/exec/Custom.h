// Calls of users' C functions in compiled programs: include this to work with exec.custom_call.
#pragma once
#include "ir/exec/Exec.h"
#define GET_OP_CLASSES
#include "ir/exec/CustomOps.h.inc"
