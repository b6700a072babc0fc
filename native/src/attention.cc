#include "attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "clones.h"

namespace mrt {
namespace {

constexpr std::size_t kLanes = 8;
/// Numbers in what a processor reads at once from memory.
constexpr std::size_t kLine = 16;
/// Keys or values that are read for all queries before the next ones are.
constexpr std::size_t kTile = 64;
/// Queries of a row that are worked on together.
constexpr std::size_t kBlock = 16;
/// From so many queries of a head of keys on, a tile of it is laid out anew for their products.
constexpr std::size_t kManyQueries = 16;
/// With fewer parts than this, heads that share keys become parts of their own.
constexpr std::size_t kFewParts = 16;

/// exp(x) for x <= 0 to 2 ulp in single precision; what is below -87 becomes exp(-87) = 1.6e-38, which adds nothing. Without branches, so that
/// compilers vectorise it: x = k ln 2 + r, a polynomial in r, then the exponent field.
MRT_WITHIN float expNegative(float x) {
  constexpr float kLog2e = 1.44269504f;
  constexpr float kLn2High = 0.693359375f;
  constexpr float kLn2Low = -2.12194440e-4f;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it leaves the rounded integer in the low bits
  x = x < -87.0f ? -87.0f : x;
  const float shifted = x * kLog2e + kRound;
  const float k = shifted - kRound;
  const float r = (x - k * kLn2High) - k * kLn2Low;
  float p = 1.0f / 5040.0f;
  p = p * r + 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  std::uint32_t bits;
  std::memcpy(&bits, &shifted, sizeof(bits));
  bits = (bits + 127u) << 23;
  float power;
  std::memcpy(&power, &bits, sizeof(power));
  return p * power;
}

/// Halves are added until one is left.
MRT_WITHIN float sumOf(const float (&lanes)[kLanes]) {
  float half[kLanes / 2];
  for (std::size_t i = 0; i < kLanes / 2; ++i) half[i] = lanes[i] + lanes[i + kLanes / 2];
  return (half[0] + half[2]) + (half[1] + half[3]);
}

/// lanes[l] += the products of the places l, l + 8, l + 16, ...
MRT_WITHIN void products(const float* one, const float* other, std::size_t dim, float (&lanes)[kLanes]) {
  for (std::size_t d = 0; d < dim; d += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += one[d + lane] * other[d + lane];
  }
}

/// Turns the halves of a head by a position's angles, as Llama does: (a, b) -> (a cos - b sin, b cos + a sin).
inline void rotate(const float* from, const float* cosine, const float* sine, std::size_t half, float* to) {
  for (std::size_t i = 0; i < half; ++i) {
    const float a = from[i];
    const float b = from[half + i];
    to[i] = a * cosine[i] - b * sine[i];
    to[half + i] = b * cosine[i] + a * sine[i];
  }
}

#if defined(__GNUC__)
// Compilers make scalars of sums across a register, which then take longer than the products; so four keys are added up by shuffles.
#define MRT_FOUR_AT_ONCE
typedef float Four __attribute__((vector_size(16)));
typedef float Eight __attribute__((vector_size(32)));

#if defined(__clang__)
#define MRT_SHUFFLE(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
typedef int Places __attribute__((vector_size(16)));
#define MRT_SHUFFLE(a, b, i, j, k, l) __builtin_shuffle(a, b, Places{i, j, k, l})
#endif

/// The lanes of `products` with the upper half added to the lower.
MRT_WITHIN Four halfOfProducts(const float* one, const float* other, std::size_t dim) {
  Eight lanes = {};
  for (std::size_t d = 0; d < dim; d += kLanes) {
    Eight a, b;
    std::memcpy(&a, one + d, sizeof(a));
    std::memcpy(&b, other + d, sizeof(b));
    lanes += a * b;
  }
  Four low, high;
  std::memcpy(&low, &lanes, sizeof(low));
  std::memcpy(&high, reinterpret_cast<const char*>(&lanes) + sizeof(low), sizeof(high));
  return low + high;
}

/// to[i] = scale query . key_i of four keys, each added up as `sumOf` does.
MRT_WITHIN void scoreFour(const float* query, const float* keys, std::size_t dim, float scale, float* to) {
  Four half[4];
  for (std::size_t key = 0; key < 4; ++key) half[key] = halfOfProducts(query, keys + key * dim, dim);
  const Four first = MRT_SHUFFLE(half[0], half[1], 0, 1, 4, 5) + MRT_SHUFFLE(half[0], half[1], 2, 3, 6, 7);
  const Four last = MRT_SHUFFLE(half[2], half[3], 0, 1, 4, 5) + MRT_SHUFFLE(half[2], half[3], 2, 3, 6, 7);
  const Four sums = scale * (MRT_SHUFFLE(first, last, 0, 2, 4, 6) + MRT_SHUFFLE(first, last, 1, 3, 5, 7));
  std::memcpy(to, &sums, sizeof(sums));
}
#endif

/// out[q][i] = scale query_q . key_i of `count` keys one after another; queries lie `dim`, results `stride` apart. Meanwhile as much memory from
/// `soon` on, which is to be read next, is fetched: products leave time for it, and no processor foresees the way from keys to values.
template <std::size_t kDim>
MRT_WITHIN void scoreOf(const float* queries, std::size_t many, const float* keys, std::size_t count, std::size_t anyDim, float scale, float* out,
                        std::size_t stride, const float* soon) {
  const std::size_t dim = kDim > 0 ? kDim : anyDim;
  for (std::size_t q = 0; q < many; ++q) {
    const float* query = queries + q * dim;
    float* to = out + q * stride;
    std::size_t i = 0;
#if defined(MRT_FOUR_AT_ONCE)
    for (; i + 4 <= count; i += 4) {
      if (q == 0) {
        for (std::size_t d = 0; d < 4 * dim; d += kLine) __builtin_prefetch(soon + i * dim + d);
      }
      scoreFour(query, keys + i * dim, dim, scale, to + i);
    }
#endif
    for (; i < count; ++i) {
      float lanes[kLanes] = {};
      products(query, keys + i * dim, dim, lanes);
      to[i] = scale * sumOf(lanes);
    }
  }
}

MRT_CLONES void scoreFew(const float* queries, std::size_t many, const float* keys, std::size_t count, std::size_t dim, float scale, float* out,
                         std::size_t stride, const float* soon) {
  // A loop whose length the compiler knows takes half the time; these are the sizes that heads have.
  switch (dim) {
    case 16: return scoreOf<16>(queries, many, keys, count, dim, scale, out, stride, soon);
    case 32: return scoreOf<32>(queries, many, keys, count, dim, scale, out, stride, soon);
    case 64: return scoreOf<64>(queries, many, keys, count, dim, scale, out, stride, soon);
    case 128: return scoreOf<128>(queries, many, keys, count, dim, scale, out, stride, soon);
    default: return scoreOf<0>(queries, many, keys, count, dim, scale, out, stride, soon);
  }
}

/// The same of a whole tile for many queries; `laid` has room for the tile.
MRT_CLONES void scoreMany(const float* queries, std::size_t many, const float* keys, std::size_t count, std::size_t dim, float scale, float* out,
                          std::size_t stride, float* laid) {
  for (std::size_t d = 0; d < dim; ++d) {
    for (std::size_t i = 0; i < kTile; ++i) laid[d * kTile + i] = i < count ? keys[i * dim + d] : 0.0f;
  }
  for (std::size_t q = 0; q < many; ++q) {
    const float* query = queries + q * dim;
    float sums[kTile] = {};
    for (std::size_t d = 0; d < dim; ++d) {
      const float factor = query[d];
      const float* row = laid + d * kTile;
      for (std::size_t i = 0; i < kTile; ++i) sums[i] += factor * row[i];
    }
    for (std::size_t i = 0; i < count; ++i) out[q * stride + i] = scale * sums[i];
  }
}

/// Lane by lane, since a comparison that waits for the one before takes four times as long.
MRT_WITHIN float largestOf(const float* scores, std::size_t count) {
  float lanes[kLanes];
  std::fill(lanes, lanes + kLanes, -std::numeric_limits<float>::infinity());
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] = scores[i + lane] > lanes[lane] ? scores[i + lane] : lanes[lane];
  }
  for (; i < count; ++i) lanes[0] = scores[i] > lanes[0] ? scores[i] : lanes[0];
  return *std::max_element(lanes, lanes + kLanes);
}

/// scores = exp(scores - largest); answers 1 / their sum.
MRT_CLONES float exponentials(float* scores, std::size_t count) {
  const float largest = largestOf(scores, count);
  float lanes[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      scores[i + lane] = expNegative(scores[i + lane] - largest);
      lanes[lane] += scores[i + lane];
    }
  }
  float sum = sumOf(lanes);
  for (; i < count; ++i) {
    scores[i] = expNegative(scores[i] - largest);
    sum += scores[i];
  }
  return 1.0f / sum;
}

template <std::size_t kWide>
MRT_WITHIN void addValues(const float* weights, const float* values, std::size_t count, std::size_t dim, float* to) {
  float sums[kWide];
  for (std::size_t lane = 0; lane < kWide; ++lane) sums[lane] = to[lane];
  for (std::size_t i = 0; i < count; ++i) {
    const float weight = weights[i];
    for (std::size_t lane = 0; lane < kWide; ++lane) sums[lane] += weight * values[i * dim + lane];
  }
  for (std::size_t lane = 0; lane < kWide; ++lane) to[lane] = sums[lane];
}

/// to += sum of weights[i] values[i]
MRT_CLONES void mix(const float* weights, const float* values, std::size_t count, std::size_t dim, float* to) {
  std::size_t d = 0;
  for (; d + 32 <= dim; d += 32) addValues<32>(weights, values + d, count, dim, to + d);
  for (; d < dim; d += 16) addValues<16>(weights, values + d, count, dim, to + d);
}

/// What a thread works with; it keeps the memory for its next part.
struct Scratch {
  std::vector<float> queries;
  std::vector<float> scores;
  std::vector<float> laid;
};

}  // namespace

std::size_t Attention::blocks() const { return (width + kBlock - 1) / kBlock; }

bool Attention::appendsFirst() const { return width > 1 || headsAtOnce() != heads / kvHeads; }

std::size_t Attention::headsAtOnce() const { return rows * kvHeads * blocks() < kFewParts ? 1 : heads / kvHeads; }

std::size_t Attention::parts() const { return rows * (heads / headsAtOnce()) * blocks(); }

void Attention::append() const {
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t kvHead = 0; kvHead < kvHeads; ++kvHead) appendTo(row, kvHead);
  }
}

void Attention::appendTo(std::size_t row, std::size_t kvHead) const {
  const std::size_t past = static_cast<std::size_t>(last[row]) + 1 - width;
  const std::size_t block = (row * kvHeads + kvHead) * capacity;
  for (std::size_t step = 0; step < width; ++step) {
    const std::size_t from = ((row * width + step) * kvHeads + kvHead) * headDim;
    const std::size_t to = (block + past + step) * headDim;
    const std::size_t angles = (past + step) * (headDim / 2);
    rotate(key + from, cosines + angles, sines + angles, headDim / 2, keys + to);
    std::copy(value + from, value + from + headDim, values + to);
  }
}

void Attention::attend(std::size_t part) const {
  thread_local Scratch scratch;
  const std::size_t together = headsAtOnce();
  const std::size_t firstStep = part % blocks() * kBlock;
  const std::size_t group = part / blocks() % (heads / together);
  const std::size_t row = part / blocks() / (heads / together);
  const std::size_t firstHead = group * together;
  const std::size_t kvHead = firstHead / (heads / kvHeads);
  if (!appendsFirst()) appendTo(row, kvHead);

  const std::size_t steps = std::min(kBlock, width - firstStep);
  const std::size_t many = steps * together;
  // Whichever way products are added, it is not for how the work is shared to say: that would show in the last bits.
  const bool lays = steps * (heads / kvHeads) >= kManyQueries;
  const std::size_t first = static_cast<std::size_t>(last[row]) + 1 - width + firstStep;  // position of the first query
  const std::size_t seen = first + steps;
  const std::size_t stride = (seen + kTile - 1) / kTile * kTile;
  if (scratch.queries.size() < many * headDim) scratch.queries.resize(many * headDim);
  if (scratch.scores.size() < many * stride) scratch.scores.resize(many * stride);
  if (lays && scratch.laid.size() < kTile * headDim) scratch.laid.resize(kTile * headDim);

  for (std::size_t step = 0; step < steps; ++step) {
    for (std::size_t head = 0; head < together; ++head) {
      const std::size_t from = ((row * width + firstStep + step) * heads + firstHead + head) * headDim;
      const std::size_t angles = (first + step) * (headDim / 2);
      rotate(query + from, cosines + angles, sines + angles, headDim / 2, scratch.queries.data() + (step * together + head) * headDim);
    }
  }
  const float* rowKeys = keys + (row * kvHeads + kvHead) * capacity * headDim;
  const float* rowValues = values + (row * kvHeads + kvHead) * capacity * headDim;
  for (std::size_t tile = 0; tile < seen; tile += kTile) {
    const std::size_t count = std::min(kTile, seen - tile);
    if (lays) {
      scoreMany(scratch.queries.data(), many, rowKeys + tile * headDim, count, headDim, scale, scratch.scores.data() + tile, stride, scratch.laid.data());
    } else {
      scoreFew(scratch.queries.data(), many, rowKeys + tile * headDim, count, headDim, scale, scratch.scores.data() + tile, stride,
               rowValues + tile * headDim);
    }
  }
  const auto target = [&](std::size_t step, std::size_t head) { return out + ((row * width + firstStep + step) * heads + firstHead + head) * headDim; };
  for (std::size_t step = 0; step < steps; ++step) {
    const std::size_t own = first + step + 1;
    for (std::size_t head = 0; head < together; ++head) {
      float* scores = scratch.scores.data() + (step * together + head) * stride;
      const float share = exponentials(scores, own);
      for (std::size_t i = 0; i < own; ++i) scores[i] *= share;
      std::fill(target(step, head), target(step, head) + headDim, 0.0f);
    }
  }
  for (std::size_t tile = 0; tile < seen; tile += kTile) {
    for (std::size_t step = 0; step < steps; ++step) {
      const std::size_t own = first + step + 1;
      if (own <= tile) continue;
      for (std::size_t head = 0; head < together; ++head) {
        mix(scratch.scores.data() + (step * together + head) * stride + tile, rowValues + tile * headDim, std::min(kTile, own - tile), headDim,
            target(step, head));
      }
    }
  }
}

}  // namespace mrt
