// Exists to own the precompiled header (see ir/Pch.h).
#include "ir/Pch.h"
