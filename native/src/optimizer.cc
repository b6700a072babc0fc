#include "optimizer.h"

#include <cmath>

#include "clones.h"

namespace mrt {
namespace {

constexpr std::size_t kLanes = 8;

/// The constants of one update, p := keep p - stepSize m / (sqrt(v) rootScale + eps).
struct Constants {
  float gradientScale;
  float beta1;
  float beta2;
  float oneMinusBeta1;
  float oneMinusBeta2;
  float keep;       // 1 - lr weightDecay
  float stepSize;   // lr / (1 - beta1^step)
  float rootScale;  // 1 / sqrt(1 - beta2^step)
  float eps;
};

MRT_CLONES void update(const Constants& c, const float* __restrict gradient, float* __restrict weights, float* __restrict first,
                       float* __restrict second, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const float g = gradient[i] * c.gradientScale;
    const float m = c.beta1 * first[i] + c.oneMinusBeta1 * g;
    const float v = c.beta2 * second[i] + c.oneMinusBeta2 * (g * g);
    first[i] = m;
    second[i] = v;
    weights[i] = c.keep * weights[i] - c.stepSize * (m / (std::sqrt(v) * c.rootScale + c.eps));
  }
}

}  // namespace

MRT_CLONES double sumOfSquares(const float* values, std::size_t count) {
  double sums[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double value = values[i + lane];
      sums[lane] += value * value;
    }
  }
  double sum = 0;
  for (const double lane : sums) sum += lane;
  for (; i < count; ++i) sum += static_cast<double>(values[i]) * values[i];
  return sum;
}

MRT_CLONES void accumulate(float* __restrict into, const float* __restrict values, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) into[i] += values[i];
}

void updateWeights(const AdamW& rule, std::int64_t step, bool decay, float gradientScale, const float* gradient, float* weights,
                   float* first, float* second, std::size_t count) {
  const auto exponent = static_cast<double>(step);
  Constants c{};
  c.gradientScale = gradientScale;
  c.beta1 = static_cast<float>(rule.beta1);
  c.beta2 = static_cast<float>(rule.beta2);
  c.oneMinusBeta1 = static_cast<float>(1 - rule.beta1);
  c.oneMinusBeta2 = static_cast<float>(1 - rule.beta2);
  c.keep = static_cast<float>(decay ? 1 - rule.lr * rule.weightDecay : 1);
  c.stepSize = static_cast<float>(rule.lr / (1 - std::pow(rule.beta1, exponent)));
  c.rootScale = static_cast<float>(1 / std::sqrt(1 - std::pow(rule.beta2, exponent)));
  c.eps = static_cast<float>(rule.eps);
  update(c, gradient, weights, first, second, count);
}

}  // namespace mrt
