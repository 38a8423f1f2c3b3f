// Exists to own the precompiled header.
#include "tools/ingot/Pch.h"
