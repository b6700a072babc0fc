#include "sample.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "clones.h"

namespace mrt {
namespace {

constexpr std::size_t kLanes = 8;

/// exp(x) for x in [-700, 0] to 2 ulp: x = k ln 2 + r, |r| <= ln 2 / 2, Taylor to r^13, then the exponent field.
/// Written without branches so that compilers vectorise it. Below -700 it answers exp(-700) = 1e-304, which adds nothing.
inline double expNegative(double x) {
  constexpr double kLog2e = 1.4426950408889634;
  constexpr double kLn2High = 6.93147180369123816490e-01;
  constexpr double kLn2Low = 1.90821492927058770002e-10;
  constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52: adding it leaves the rounded integer in the low bits
  x = x < -700.0 ? -700.0 : x;
  const double shifted = x * kLog2e + kRound;
  const double k = shifted - kRound;
  const double r = (x - k * kLn2High) - k * kLn2Low;
  double p = 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  std::uint64_t bits;
  std::memcpy(&bits, &shifted, sizeof(bits));
  bits = (bits + 1023) << 52;
  double scale;
  std::memcpy(&scale, &bits, sizeof(scale));
  return p * scale;
}

/// The largest logit; `finite` becomes false when one is infinite or not a number.
MRT_CLONES float largest(const float* logits, std::size_t count, bool& finite) {
  float max = -std::numeric_limits<float>::infinity();
  std::uint32_t broken = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t bits;
    std::memcpy(&bits, logits + i, sizeof(bits));
    broken |= (bits & 0x7f800000u) == 0x7f800000u ? 1u : 0u;
    max = logits[i] > max ? logits[i] : max;
  }
  finite = broken == 0;
  return max;
}

/// out[i] = exp(scale (logits[i] - max)); answers their sum.
MRT_CLONES double exponentials(const float* logits, std::size_t count, double max, double scale, double* out) {
  double sums[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      out[i + lane] = expNegative((static_cast<double>(logits[i + lane]) - max) * scale);
      sums[lane] += out[i + lane];
    }
  }
  double sum = 0;
  for (const double lane : sums) sum += lane;
  for (; i < count; ++i) {
    out[i] = expNegative((static_cast<double>(logits[i]) - max) * scale);
    sum += out[i];
  }
  return sum;
}

double sumOf(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 2> key, std::array<std::uint32_t, 4> counter) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t left = std::uint64_t{0xd2511f53u} * counter[0];
    const std::uint64_t right = std::uint64_t{0xcd9e8d57u} * counter[2];
    counter = {static_cast<std::uint32_t>(right >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(right),
               static_cast<std::uint32_t>(left >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(left)};
    key = {key[0] + 0x9e3779b9u, key[1] + 0xbb67ae85u};
  }
  return counter;
}

double uniformAt(std::array<std::uint32_t, 2> key, std::uint64_t index, std::uint32_t stream) {
  const auto words = philox4x32(key, {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), stream, 0});
  return ((words[0] >> 5) * 67108864.0 + (words[1] >> 6)) / 9007199254740992.0;
}

bool Distribution::prepare(const float* logits, std::size_t vocabulary, const SamplingRule& rule) {
  logits_ = logits;
  vocabulary_ = vocabulary;
  greedy_ = rule.greedy;
  bool finite = false;
  max_ = largest(logits, vocabulary, finite);
  if (!finite) return false;
  mass_.resize(vocabulary);
  total_ = exponentials(logits, vocabulary, max_, 1.0, mass_.data());
  logNormaliser_ = std::log(total_);
  if (greedy_) {
    likeliest_ = static_cast<std::int32_t>(std::find(logits, logits + vocabulary, static_cast<float>(max_)) - logits);
    return true;
  }
  scale_ = 1.0 / rule.temperature;
  if (scale_ != 1) total_ = exponentials(logits, vocabulary, max_, scale_, mass_.data());
  if (rule.filtered()) keepLikeliest(rule);
  return true;
}

void Distribution::keepLikeliest(const SamplingRule& rule) {
  // The nucleus lies within the tokens of mass >= (1 - topP) total / V: all lighter ones together weigh less than 1 - topP.
  // That leaves few to sort in a large vocabulary.
  const auto likelier = [this](std::int32_t a, std::int32_t b) { return logits_[a] != logits_[b] ? logits_[a] > logits_[b] : a < b; };
  const bool limited = rule.topK > 0 && static_cast<std::size_t>(rule.topK) < vocabulary_;
  double floor = 0;
  if (!limited && rule.topP < 1) floor = (1 - rule.topP) * total_ / static_cast<double>(vocabulary_);
  order_.clear();
  for (std::size_t i = 0; i < vocabulary_; ++i) {
    if (mass_[i] >= floor) order_.push_back(static_cast<std::int32_t>(i));
  }
  if (limited) {
    std::nth_element(order_.begin(), order_.begin() + rule.topK - 1, order_.end(), likelier);
    order_.resize(static_cast<std::size_t>(rule.topK));
  }
  if (rule.topP < 1) {
    std::sort(order_.begin(), order_.end(), likelier);
    double left = total_;
    if (limited) {
      left = 0;
      for (const std::int32_t token : order_) left += mass_[token];
    }
    double held = 0;
    std::size_t count = 0;
    while (count < order_.size() && (count == 0 || held < rule.topP * left)) held += mass_[order_[count++]];
    order_.resize(count);
  }
  if (rule.minP > 0) {
    // exp(0) = 1 is the mass of the likeliest token.
    order_.erase(std::remove_if(order_.begin(), order_.end(), [&](std::int32_t token) { return mass_[token] < rule.minP; }), order_.end());
  }
  std::sort(order_.begin(), order_.end());
  std::size_t next = 0;
  for (std::size_t i = 0; i < vocabulary_; ++i) {
    if (next < order_.size() && static_cast<std::size_t>(order_[next]) == i) {
      ++next;
    } else {
      mass_[i] = 0;
    }
  }
  total_ = sumOf(mass_);
}

std::int32_t Distribution::draw(double uniform) const {
  if (greedy_) return likeliest_;
  const double target = uniform * total_;
  double sum = 0;
  std::int32_t last = 0;
  for (std::size_t i = 0; i < vocabulary_; ++i) {
    if (mass_[i] == 0) continue;
    sum += mass_[i];
    last = static_cast<std::int32_t>(i);
    if (sum > target) return last;
  }
  return last;  // rounding left the last sum at or below the target
}

double Distribution::logp(std::int32_t token) const { return static_cast<double>(logits_[token]) - max_ - logNormaliser_; }

double Distribution::samplingLogp(std::int32_t token) const {
  if (greedy_) return token == likeliest_ ? 0.0 : -std::numeric_limits<double>::infinity();
  if (mass_[token] == 0) return -std::numeric_limits<double>::infinity();
  return (static_cast<double>(logits_[token]) - max_) * scale_ - std::log(total_);
}

}  // namespace mrt
