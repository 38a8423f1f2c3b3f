// The op contracts (see Contracts.td) with what their signatures mention.
#pragma once
#include "ir/Pch.h"
#include "ir/reference/Tensor.h"

#include "ir/contracts/Contracts.h.inc"
