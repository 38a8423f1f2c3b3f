// Eigenvalues and eigenvectors of a symmetric matrix: Householder's tridiagonal form, then QL
// steps with implicit shifts. Used by FitGenerator.cpp for whitening.
#ifndef INGOT_RUNTIME_DATA_SYMMETRICEIGEN_H
#define INGOT_RUNTIME_DATA_SYMMETRICEIGEN_H

#include <cstddef>
#include <vector>

namespace ingot::data {

/// Replaces the symmetric `matrix` (size x size, row-major) by its eigenvectors, one a row, and
/// returns the eigenvalues in the same order. Empty when the iteration does not end, as with NaN.
std::vector<double> symmetricEigen(std::vector<double> &matrix, size_t size);

} // namespace ingot::data

#endif
