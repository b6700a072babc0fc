#include "rows.h"

#include <cstring>

namespace mrt {

Rows::Rows(const CacheShape& shape, std::size_t count) : shape_(shape), count_(count) {
  const std::size_t tensors = 2 * static_cast<std::size_t>(shape.layers);
  blocks_.reserve(tensors);
  for (std::size_t i = 0; i < tensors; ++i) blocks_.emplace_back(count * shape.rowElements());
}

std::size_t Rows::bytes() const {
  std::size_t bytes = 0;
  for (const Buffer<float>& block : blocks_) bytes += block.bytes();
  return bytes;
}

void Rows::forget() {
  for (Buffer<float>& block : blocks_) block.forget();
}

void Rows::copy(std::size_t row, const Rows& source, std::size_t sourceRow, std::size_t length) {
  const std::size_t stride = static_cast<std::size_t>(shape_.maxLength) * shape_.headDim;
  const std::size_t bytes = length * static_cast<std::size_t>(shape_.headDim) * sizeof(float);
  for (std::size_t tensor = 0; tensor < tensors(); ++tensor) {
    for (std::int32_t head = 0; head < shape_.kvHeads; ++head) {
      std::memcpy(block(tensor, row) + head * stride, source.block(tensor, sourceRow) + head * stride, bytes);
    }
  }
}

void Rows::pack(std::size_t row, std::size_t length, float* to) const {
  const std::size_t stride = static_cast<std::size_t>(shape_.maxLength) * shape_.headDim;
  const std::size_t count = length * static_cast<std::size_t>(shape_.headDim);
  for (std::size_t tensor = 0; tensor < tensors(); ++tensor) {
    for (std::int32_t head = 0; head < shape_.kvHeads; ++head) {
      std::memcpy(to, block(tensor, row) + head * stride, count * sizeof(float));
      to += count;
    }
  }
}

}  // namespace mrt
