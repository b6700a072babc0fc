// Drawing tokens. Randomness is counter-based (Philox4x32-10), keyed by the request and counted by the token's index in
// its completion, so a completion is the same at any batch size, in any order, on any machine.
// Everything is computed in fp64 with a fixed order of additions and without contracted multiply-adds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace mrt {

/// Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 2> key, std::array<std::uint32_t, 4> counter);

/// Uniform in [0, 1) with 53 bits for counter (index low, index high, stream, 0).
double uniformAt(std::array<std::uint32_t, 2> key, std::uint64_t index, std::uint32_t stream);

/// How a token is drawn. Applied in this order: temperature, the topK likeliest, the smallest set of likeliest tokens
/// that holds topP of what is left, tokens at least minP times as likely as the likeliest. Ties go to the smaller id.
struct SamplingRule {
  double temperature = 1;
  std::int32_t topK = 0;  // 0: all
  double topP = 1;
  double minP = 0;
  bool greedy = false;

  bool filtered() const { return topK > 0 || topP < 1 || minP > 0; }
};

/// The distribution over the next token under one row of logits. Holds its scratch space; one per thread.
class Distribution {
 public:
  /// Reads logits [vocabulary] and prepares the rule. False when a logit is not finite.
  bool prepare(const float* logits, std::size_t vocabulary, const SamplingRule& rule);

  /// Inverse CDF in order of token id (the likeliest token when greedy).
  std::int32_t draw(double uniform) const;
  /// Log-prob at temperature 1 without filters.
  double logp(std::int32_t token) const;
  /// Log-prob under the rule; -infinity for a token the rule leaves out.
  double samplingLogp(std::int32_t token) const;

 private:
  void keepLikeliest(const SamplingRule& rule);

  const float* logits_ = nullptr;
  std::size_t vocabulary_ = 0;
  bool greedy_ = false;
  std::int32_t likeliest_ = 0;
  double max_ = 0;
  double scale_ = 1;            // 1 / temperature
  double logNormaliser_ = 0;    // of exp(l - max)
  std::vector<double> mass_;    // unnormalised probability under the rule, 0 where left out
  double total_ = 0;            // sum of mass_
  std::vector<std::int32_t> order_;
};

}  // namespace mrt
