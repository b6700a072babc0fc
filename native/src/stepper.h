// The decode graph bound to a key/value cache: one step for the first b rows, or a chunk of several tokens for one row.
// The cache is bound as input and as output, so ONNX Runtime extends it where it lies.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "control.h"
#include "rows.h"
#include "session.h"

namespace mrt {

class Stepper {
 public:
  /// Throws Failure bad-model or missing-input when the graph is not a decode graph of this shape.
  Stepper(std::shared_ptr<Session> session, const CacheShape& shape, std::int32_t vocabulary, std::size_t rows);

  /// True when rows can be copied: the cache lies in ordinary memory.
  bool forks() const { return rows_ != nullptr; }
  Rows& rows() { return *rows_; }
  std::size_t capacity() const { return capacity_; }
  std::size_t vocabulary() const { return vocabulary_; }
  std::size_t maxLength() const { return static_cast<std::size_t>(shape_.maxLength); }
  std::size_t bytes() const;

  /// What the next step feeds: for row r its token and the position that the token takes.
  void feed(std::size_t row, std::int32_t token, std::int32_t position) {
    tokens_.data()[row] = token;
    positions_.data()[row] = position;
  }
  /// Runs one step of the first `batch` rows.
  void step(std::size_t batch, const Control& control);
  /// Logits [vocabulary] of a row after a step.
  const float* logits(std::size_t row) const { return logits_.data() + row * vocabulary_; }

  /// Feeds `count` tokens to one row (of any cache of this shape) whose first `past` positions are filled.
  void prefill(Rows& rows, std::size_t row, const std::int32_t* tokens, std::size_t count, std::size_t past, const Control& control);

  /// Call before a generation: weights that live on a device are copied there anew.
  void refresh();
  /// Gives the graph up, and goes on with another of the same shape.
  void release();
  void adopt(std::shared_ptr<Session> session) { session_ = std::move(session); }

 private:
  struct Bound {
    ort::Owned<ort::IoBinding> binding;
    std::vector<ort::Owned<ort::Value>> values;  // what is fed comes first
  };

  void checkPorts() const;
  void placeOnDevice();
  Bound bind(Rows* rows, std::size_t firstRow, std::int64_t batch, std::int64_t width, std::int64_t* tokens);
  void bindFeeds(const Bound& bound) const;
  void run(const Bound& bound, const Control& control) const;

  std::shared_ptr<Session> session_;
  CacheShape shape_;
  std::size_t vocabulary_;
  std::size_t capacity_;
  std::vector<std::string> pastNames_;     // in the order of Rows' tensors
  std::vector<std::string> presentNames_;
  std::unique_ptr<Rows> rows_;                           // in ordinary memory ...
  ort::Owned<ort::Allocator> allocator_;                 // ... or on the device
  std::vector<ort::Owned<ort::Value>> deviceBlocks_;
  Buffer<std::int64_t> tokens_;      // [capacity]
  Buffer<std::int32_t> positions_;   // [capacity], the graph's seqlens_k
  Buffer<std::int32_t> total_;       // []
  Buffer<float> logits_;             // [capacity, vocabulary]
  Buffer<std::int64_t> chunk_;       // [maxLength]
  std::unordered_map<std::size_t, Bound> steps_;         // by batch
};

}  // namespace mrt
