// Exists to own the precompiled header.
#include "tests/pch/MlirPch.h"
