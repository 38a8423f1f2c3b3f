// ThisProgram: programs that are installed beside the running one.
#ifndef INGOT_RUNTIME_CORE_THISPROGRAM_H
#define INGOT_RUNTIME_CORE_THISPROGRAM_H

#include <string>

namespace ingot {

/// The path that a program of that name would have beside this one, whether it is there or not;
/// the name alone where this one's place is not known.
std::string besideThisProgram(const std::string &name);

} // namespace ingot

#endif // INGOT_RUNTIME_CORE_THISPROGRAM_H
