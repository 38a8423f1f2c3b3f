// Exists to own the precompiled header.
#include "frontends/keras/Pch.h"
