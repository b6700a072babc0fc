// The key/value cache: `rows` sequences, each with a block [kvHeads, maxLength, headDim] per layer for keys and one for
// values. The rows of a layer lie one after another, so the first b of them are a tensor [b, kvHeads, maxLength, headDim]
// that ONNX Runtime reads and extends in place; forking or moving a sequence is a copy of its filled positions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "buffer.h"

namespace mrt {

struct CacheShape {
  std::int32_t layers = 0;
  std::int32_t kvHeads = 0;
  std::int32_t headDim = 0;
  std::int32_t maxLength = 0;

  /// Floats of one row in one tensor.
  std::size_t rowElements() const { return static_cast<std::size_t>(kvHeads) * maxLength * headDim; }
};

class Rows {
 public:
  Rows(const CacheShape& shape, std::size_t count);

  const CacheShape& shape() const { return shape_; }
  std::size_t count() const { return count_; }
  /// Tensors: keys of layer 0, values of layer 0, keys of layer 1, ...
  std::size_t tensors() const { return blocks_.size(); }
  float* block(std::size_t tensor, std::size_t row) { return blocks_[tensor].data() + row * shape_.rowElements(); }
  const float* block(std::size_t tensor, std::size_t row) const { return blocks_[tensor].data() + row * shape_.rowElements(); }
  std::size_t bytes() const;

  /// Nobody goes on with what the rows hold: their memory is given back until it is written to again.
  void forget();

  /// Writes the first `length` positions of a row, [tensors, kvHeads, length, headDim].
  void pack(std::size_t row, std::size_t length, float* to) const;
  /// How many floats that is.
  std::size_t packed(std::size_t length) const { return tensors() * shape_.kvHeads * length * shape_.headDim; }

  /// Copies the first `length` positions of a row of `source` into a row of this. Row and source row must differ.
  void copy(std::size_t row, const Rows& source, std::size_t sourceRow, std::size_t length);

 private:
  CacheShape shape_;
  std::size_t count_;
  std::vector<Buffer<float>> blocks_;
};

}  // namespace mrt
