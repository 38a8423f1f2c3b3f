// The precompiled header of Keras's API: what every layer includes.
#pragma once
#include "ir/Pch.h"

#include "frontends/keras/LayerImpl.h"
