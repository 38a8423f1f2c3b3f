// Pictures of graphs by Graphviz's program `dot`. Used by utils::plotModel and `ingot dump`.
#pragma once
#include <string>

namespace ingot::keras {

/// What `dot -T<format>` makes of the text: "svg", "png", "pdf". Throws Error when the program is
/// not installed (FailedPrecondition) or fails.
std::string renderDot(const std::string &dot, const std::string &format);

} // namespace ingot::keras
