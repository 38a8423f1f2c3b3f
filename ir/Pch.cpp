// Exists to own the precompiled header.
#include "ir/Pch.h"
