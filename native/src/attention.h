// Attention of new tokens over a cache of keys and values, as decoding does it: rotary positions, the new keys and values written behind
// those that are there, softmax(scale q.k) v of each query over its own row up to itself. A row's result does not depend on the rows beside
// it, on how work is shared among threads, or on the processor's instruction set. Written for few queries over many keys, where it is to take
// no longer than reading the cache does; many queries (a prompt) are worked on in blocks that read a tile of keys once.
// Left out: masks other than causal, windows, interleaved rotation.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mrt {

struct Attention {
  std::size_t rows = 0;      // B
  std::size_t width = 0;     // S, new tokens of each row
  std::size_t heads = 0;     // of queries; a multiple of kvHeads
  std::size_t kvHeads = 0;
  std::size_t headDim = 0;   // a multiple of 16
  std::size_t capacity = 0;  // M, positions of the cache
  float scale = 1;

  const float* query = nullptr;         // [B, S, heads * headDim]
  const float* key = nullptr;           // [B, S, kvHeads * headDim]
  const float* value = nullptr;         // [B, S, kvHeads * headDim]
  const std::int32_t* last = nullptr;   // [B], position of a row's last new token
  const float* cosines = nullptr;       // [positions, headDim / 2]
  const float* sines = nullptr;         // [positions, headDim / 2]
  float* keys = nullptr;                // [B, kvHeads, M, headDim], extended
  float* values = nullptr;              // [B, kvHeads, M, headDim], extended
  float* out = nullptr;                 // [B, S, heads * headDim]

  /// Parts that may be worked on at the same time, once `append` has been called where `appendsFirst`.
  std::size_t parts() const;
  bool appendsFirst() const;
  /// Writes the new keys and values of all rows into the cache.
  void append() const;
  /// Works on one part; appends what it needs unless `appendsFirst`.
  void attend(std::size_t part) const;

 private:
  std::size_t blocks() const;
  std::size_t headsAtOnce() const;
  void appendTo(std::size_t row, std::size_t kvHead) const;
};

}  // namespace mrt
