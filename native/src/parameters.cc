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

/// Floats that so many bytes take up, to the end of the line.
std::size_t lines(std::size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * (kAlignment / sizeof(float)); }

// A matrix in blocks: its bytes, then a scale for each block, then an offset for each. A number is (its 4 bits - 8) * scale + offset.
std::size_t scalesAt(const Layout::Slice& slice) { return slice.offset + lines(slice.bytes()); }
std::size_t offsetsAt(const Layout::Slice& slice) { return scalesAt(slice) + lines(slice.count / kBlock * sizeof(float)); }

constexpr int kMiddle = 8;
constexpr float kSteps = 15;

/// To 11 significant bits, as many as fp16 has: 15 steps of such a size above such a number are met without rounding, where the number is no thousand times the step.
float shortened(float value) {
  const std::uint32_t bits = bitsOf(value);
  return floatOf((bits + 0xfff + ((bits >> 13) & 1)) & ~0x1fffu);
}

/// The least number of a block and 15 steps above it up to the largest. What a block holds comes back from its own numbers to the bit, unless it lies hundreds of
/// times its spread away from zero, as no matrix of a model does.
void toBlocks(const Layout::Slice& slice, const float* dense, float* block) {
  auto* bytes = reinterpret_cast<std::uint8_t*>(block + slice.offset);
  float* scales = block + scalesAt(slice);
  float* offsets = block + offsetsAt(slice);
  for (std::size_t at = 0; at < slice.count; at += kBlock) {
    float least = dense[at];
    float most = dense[at];
    for (std::size_t i = 0; i < kBlock; ++i) {
      const float value = dense[at + i];
      if (!std::isfinite(value)) throw Failure("bad-argument", slice.name + " holds " + std::to_string(value) + ", which no block has a scale for");
      least = std::fmin(least, value);
      most = std::fmax(most, value);
    }
    const float from = shortened(least);
    const float scale = shortened((most - least) / kSteps);
    if (!std::isfinite(from) || !std::isfinite(scale)) throw Failure("bad-argument", slice.name + " holds numbers too far apart for a scale");
    scales[at / kBlock] = scale;
    offsets[at / kBlock] = from + kMiddle * scale;
    for (std::size_t i = 0; i < kBlock; i += 2) {
      std::uint8_t both = 0;
      for (std::size_t half = 0; half < 2; ++half) {
        const float steps = scale == 0 ? 0 : std::nearbyint((dense[at + i + half] - from) / scale);
        both |= static_cast<std::uint8_t>(std::fmax(0.0f, std::fmin(steps, kSteps))) << (4 * half);
      }
      bytes[(at + i) / 2] = both;
    }
  }
}

void fromBlocks(const Layout::Slice& slice, const float* block, float* dense) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(block + slice.offset);
  const float* scales = block + scalesAt(slice);
  const float* offsets = block + offsetsAt(slice);
  for (std::size_t i = 0; i < slice.count; ++i) {
    const int nibble = bytes[i / 2] >> (4 * (i % 2)) & 0xf;
    dense[i] = static_cast<float>(nibble - kMiddle) * scales[i / kBlock] + offsets[i / kBlock];
  }
}

}  // namespace

Layout::Layout(const std::vector<ParameterSpec>& specs) {
  slices_.reserve(specs.size());
  for (const ParameterSpec& spec : specs) {
    std::size_t count = 1;
    for (const std::int64_t dim : spec.dims) count *= static_cast<std::size_t>(dim);
    if (!index_.emplace(spec.name, slices_.size()).second) {
      throw Failure("bad-argument", "two parameters are called " + spec.name);
    }
    slices_.push_back({spec.name, spec.dims, spec.decay, spec.type, extent_, count});
    elements_ += count;
    const Slice& slice = slices_.back();
    extent_ += lines(slice.bytes());
    if (slice.type != ort::kUint4) continue;
    constexpr auto each = static_cast<std::int64_t>(kBlock);
    if (slice.dims.size() != 2 || slice.dims[1] % each != 0) {
      throw Failure("wrong-shape", slice.name + " is no matrix whose rows are whole blocks of " + std::to_string(kBlock));
    }
    const std::vector<std::int64_t> blocks{slice.dims[0], slice.dims[1] / each};
    const auto part = [&](const char* what, std::vector<std::int64_t> dims, ort::ElementType type, std::size_t offset, std::size_t numbers) {
      const std::string name = slice.name + what;
      parts_.emplace(name, Slice{name, std::move(dims), false, type, offset, numbers});
    };
    part("/blocks", {blocks[0], blocks[1], each / 2}, ort::kUint8, slice.offset, count / 2);
    part("/scales", blocks, ort::kFloat32, scalesAt(slice), count / kBlock);
    part("/offsets", blocks, ort::kFloat32, offsetsAt(slice), count / kBlock);
    extent_ = offsetsAt(slice) + lines(count / kBlock * sizeof(float));
  }
}

const Layout::Slice* Layout::find(const std::string& name) const {
  const auto found = index_.find(name);
  if (found != index_.end()) return &slices_[found->second];
  const auto part = parts_.find(name);
  return part == parts_.end() ? nullptr : &part->second;
}

void Layout::read(const Slice& slice, const float* block, float* dense) {
  const float* from = block + slice.offset;
  if (slice.type == ort::kFloat32) {
    std::memcpy(dense, from, slice.bytes());
    return;
  }
  if (slice.type == ort::kUint4) return fromBlocks(slice, block, dense);
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
  if (slice.type == ort::kUint4) return toBlocks(slice, dense, block);
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

namespace {

/// The tensor that a name is of, or is of a part of.
std::string tensorOf(const std::string& name) { return name.substr(0, name.find('/')); }

}  // namespace

ParameterSet::Hold::Hold(std::shared_ptr<ParameterSet> set, const std::vector<std::string>& names) : set_(std::move(set)) {
  for (const std::string& name : names) names_.push_back(tensorOf(name));
  const std::lock_guard<std::mutex> lock(set_->holding_);
  for (const std::string& name : names_) ++set_->held_[name];
}

ParameterSet::Hold::~Hold() {
  const std::lock_guard<std::mutex> lock(set_->holding_);
  for (const std::string& name : names_) {
    if (--set_->held_[name] == 0) set_->held_.erase(name);
  }
}

void ParameterSet::expectFree(const Layout::Slice* slice) const {
  const std::lock_guard<std::mutex> lock(holding_);
  if (slice ? held_.count(tensorOf(slice->name)) == 0 : held_.empty()) return;
  throw Failure("busy", (slice ? slice->name : held_.begin()->first) + " is fixed in a graph that is open");
}

void ParameterSet::copyFrom(const ParameterSet& other) { std::memcpy(block_.data(), other.block_.data(), block_.bytes()); }

void ParameterSet::lerpFrom(const ParameterSet& other, float t) {
  for (const Layout::Slice& slice : layout_->slices()) {
    if (slice.type != ort::kFloat32) throw Failure("wrong-dtype", slice.name + " is held in less than single precision, in which nothing is averaged");
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
