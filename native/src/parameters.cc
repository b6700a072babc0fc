#include "parameters.h"

#include <cstring>

#include <cmath>

#include "failure.h"

namespace mrt {
namespace {

std::uint32_t bitsOf(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

float floatOf(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

/// To the nearest, ties to even.
std::uint16_t toBfloat16(float value) {
  const std::uint32_t bits = bitsOf(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>((bits >> 16) | 0x40);
  return static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

float fromBfloat16(std::uint16_t half) { return floatOf(static_cast<std::uint32_t>(half) << 16); }

/// To the nearest, ties to even; below 2^-14 in steps of 2^-24.
std::uint16_t toFloat16(float value) {
  const std::uint32_t bits = bitsOf(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000);
  const float size = std::fabs(value);
  if (std::isnan(value)) return sign | 0x7e00;
  if (size < 6.103515625e-05f) return sign | static_cast<std::uint16_t>(std::nearbyint(size * 16777216.0f));
  if (size >= 65520.0f) return sign | 0x7c00;
  const std::uint32_t magnitude = bitsOf(size);
  const std::uint32_t rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
  return sign | static_cast<std::uint16_t>((rounded >> 13) - ((127 - 15) << 10));
}

float fromFloat16(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1f;
  const std::uint32_t fraction = half & 0x3ff;
  if (exponent == 0) return floatOf(sign | bitsOf(static_cast<float>(fraction) / 16777216.0f));
  if (exponent == 0x1f) return floatOf(sign | 0x7f800000 | (fraction << 13));
  return floatOf(sign | ((exponent + 127 - 15) << 23) | (fraction << 13));
}

}  // namespace

Layout::Layout(const std::vector<ParameterSpec>& specs) {
  constexpr std::size_t line = kAlignment / sizeof(float);
  slices_.reserve(specs.size());
  for (const ParameterSpec& spec : specs) {
    std::size_t count = 1;
    for (const std::int64_t dim : spec.dims) count *= static_cast<std::size_t>(dim);
    if (!index_.emplace(spec.name, slices_.size()).second) {
      throw Failure("bad-argument", "two parameters are called " + spec.name);
    }
    slices_.push_back({spec.name, spec.dims, spec.decay, spec.type, extent_, count});
    const std::size_t floats = (slices_.back().bytes() + sizeof(float) - 1) / sizeof(float);
    extent_ += (floats + line - 1) / line * line;
    elements_ += count;
  }
}

const Layout::Slice* Layout::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &slices_[found->second];
}

void Layout::read(const Slice& slice, const float* block, float* dense) {
  const float* from = block + slice.offset;
  if (slice.type == ort::kFloat32) {
    std::memcpy(dense, from, slice.bytes());
    return;
  }
  const auto* halves = reinterpret_cast<const std::uint16_t*>(from);
  const auto widen = slice.type == ort::kFloat16 ? fromFloat16 : fromBfloat16;
  for (std::size_t i = 0; i < slice.count; ++i) dense[i] = widen(halves[i]);
}

void Layout::write(const Slice& slice, const float* dense, float* block) {
  float* to = block + slice.offset;
  if (slice.type == ort::kFloat32) {
    std::memcpy(to, dense, slice.bytes());
    return;
  }
  auto* halves = reinterpret_cast<std::uint16_t*>(to);
  const auto round = slice.type == ort::kFloat16 ? toFloat16 : toBfloat16;
  for (std::size_t i = 0; i < slice.count; ++i) {
    halves[i] = round(dense[i]);
    const bool lost = slice.type == ort::kFloat16 && std::isfinite(dense[i]) && (halves[i] & 0x7fff) == 0x7c00;
    if (lost) throw Failure("bad-argument", slice.name + " holds " + std::to_string(dense[i]) + ", which float16 has no number for");
  }
}

void Layout::pack(const float* block, float* dense) const {
  for (const Slice& slice : slices_) {
    read(slice, block, dense);
    dense += slice.count;
  }
}

void Layout::unpack(const float* dense, float* block) const {
  for (const Slice& slice : slices_) {
    write(slice, dense, block);
    dense += slice.count;
  }
}

void ParameterSet::copyFrom(const ParameterSet& other) { std::memcpy(block_.data(), other.block_.data(), block_.bytes()); }

void ParameterSet::lerpFrom(const ParameterSet& other, float t) {
  for (const Layout::Slice& slice : layout_->slices()) {
    if (slice.type != ort::kFloat32) throw Failure("wrong-dtype", slice.name + " is held in 16 bits, in which nothing is averaged");
  }
  float* self = block_.data();
  const float* towards = other.block_.data();
  for (std::size_t i = 0; i < block_.size(); ++i) self[i] += t * (towards[i] - self[i]);
}

std::uint64_t ParameterSet::checksum() const {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  std::vector<float> values;
  for (const Layout::Slice& slice : layout_->slices()) {
    values.resize(slice.count);
    Layout::read(slice, data(), values.data());
    for (std::size_t i = 0; i < slice.count; ++i) {
      std::uint32_t word;
      std::memcpy(&word, values.data() + i, sizeof(word));
      hash = (hash ^ word) * 0x100000001b3ULL;
    }
  }
  return hash;
}

}  // namespace mrt
