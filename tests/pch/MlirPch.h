// The precompiled header of tests that include MLIR.
#pragma once
#include "ir/Pch.h"
#include "tests/pch/Pch.h"
