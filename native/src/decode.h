// Generation: many requests over a few rows of a key/value cache, decoded together. A finished row takes the next request
// while the others go on; when nothing waits, the remaining rows are moved together and fewer are decoded.
// Knows token ids, not text. What a completion holds depends on its request alone, not on what runs beside it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "completion.h"
#include "control.h"
#include "stepper.h"

namespace mrt {

struct Generated {
  std::vector<Completion> completions;
  Buffer<float> kept;  // keys and values of those that were to be kept; pages that are not written to cost nothing
};

class Decoder {
 public:
  struct Shape {
    CacheShape cache;
    std::int32_t vocabulary = 0;
    std::int32_t rows = 0;
  };

  struct Work {
    std::vector<std::vector<std::int32_t>> sources;
    std::vector<Request> requests;
    std::size_t keepBytes = 0;  // most bytes of keys and values handed out; requests beyond it go without
  };

  Decoder(std::shared_ptr<Session> session, const Shape& shape);

  const std::shared_ptr<Session>& session() const { return session_; }
  std::size_t bytes() const;

  /// One completion per request, in their order. Cancelling ends the unfinished ones where they are.
  Generated generate(const Work& work, Control& control);

 private:
  std::shared_ptr<Session> session_;
  Stepper stepper_;
  std::unique_ptr<Rows> prefix_;  // one row: the source whose requests are being started
};

}  // namespace mrt
