// The precompiled header of the command line: what every command includes.
#pragma once
#include "ir/Pch.h"

#include "tools/ingot/Cli.h"
