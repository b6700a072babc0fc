// AdamW (Loshchilov and Hutter 2019, "Decoupled weight decay regularization", algorithm 2) over flat fp32 arrays, and the
// norms that clipping needs. Sums of squares are fp64: a norm is finite exactly when every gradient is.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mrt {

struct AdamW {
  double lr = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weightDecay = 0;
  double clipNorm = 0;  // most global norm of the gradient; 0: no clipping
};

double sumOfSquares(const float* values, std::size_t count);

/// into += values.
void accumulate(float* into, const float* values, std::size_t count);

/**
 * One update of `count` weights in place, after the gradient is scaled by `gradientScale`.
 * @param step number of this update, from 1
 */
void updateWeights(const AdamW& rule, std::int64_t step, bool decay, float gradientScale, const float* gradient, float* weights,
                   float* first, float* second, std::size_t count);

}  // namespace mrt
