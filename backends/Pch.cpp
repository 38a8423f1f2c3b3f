// Exists to own the precompiled header.
#include "backends/Pch.h"
