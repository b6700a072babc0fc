#include "parameters.h"

#include <cstring>

#include "failure.h"

namespace mrt {

Layout::Layout(const std::vector<ParameterSpec>& specs) {
  constexpr std::size_t line = kAlignment / sizeof(float);
  slices_.reserve(specs.size());
  for (const ParameterSpec& spec : specs) {
    std::size_t count = 1;
    for (const std::int64_t dim : spec.dims) count *= static_cast<std::size_t>(dim);
    if (!index_.emplace(spec.name, slices_.size()).second) {
      throw Failure("bad-argument", "two parameters are called " + spec.name);
    }
    slices_.push_back({spec.name, spec.dims, spec.decay, extent_, count});
    extent_ += (count + line - 1) / line * line;
    elements_ += count;
  }
}

const Layout::Slice* Layout::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &slices_[found->second];
}

void Layout::pack(const float* block, float* dense) const {
  for (const Slice& slice : slices_) {
    std::memcpy(dense, block + slice.offset, slice.count * sizeof(float));
    dense += slice.count;
  }
}

void Layout::unpack(const float* dense, float* block) const {
  for (const Slice& slice : slices_) {
    std::memcpy(block + slice.offset, dense, slice.count * sizeof(float));
    dense += slice.count;
  }
}

void ParameterSet::copyFrom(const ParameterSet& other) { std::memcpy(block_.data(), other.block_.data(), block_.bytes()); }

void ParameterSet::lerpFrom(const ParameterSet& other, float t) {
  float* self = block_.data();
  const float* towards = other.block_.data();
  for (std::size_t i = 0; i < block_.size(); ++i) self[i] += t * (towards[i] - self[i]);
}

std::uint64_t ParameterSet::checksum() const {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const Layout::Slice& slice : layout_->slices()) {
    const float* values = at(slice);
    for (std::size_t i = 0; i < slice.count; ++i) {
      std::uint32_t word;
      std::memcpy(&word, values + i, sizeof(word));
      hash = (hash ^ word) * 0x100000001b3ULL;
    }
  }
  return hash;
}

}  // namespace mrt
