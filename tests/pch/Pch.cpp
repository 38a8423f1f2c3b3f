// Exists to own the precompiled header.
#include "tests/pch/Pch.h"
