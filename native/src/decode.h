// Generation: many requests over a few rows of a key/value cache, decoded together. A finished row takes the next request
// while the others go on; when nothing waits, the remaining rows are moved together and fewer are decoded.
// Knows token ids, not text. What a completion holds depends on its request alone, not on what runs beside it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
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

  using Load = std::function<std::shared_ptr<Session>(Control&)>;

  /// @param relaid whether the graph has a copy of parameters that may change, and is loaded anew where they have
  Decoder(Load load, bool relaid, const Shape& shape, Control& control);

  const std::shared_ptr<const Runtime>& runtime() const { return runtime_; }
  const std::shared_ptr<ParameterSet>& parameters() const { return parameters_; }
  std::size_t bytes() const;

  /// Gives back the copy of parameters that may change, if there is one; the next generation makes it again.
  void forget();

  /// One completion per request, in their order. Cancelling ends the unfinished ones where they are.
  /// @param changes of the parameters by now; nobody changes them before this returns
  Generated generate(const Work& work, std::uint64_t changes, Control& control);

 private:
  Decoder(std::shared_ptr<Session> session, const Shape& shape);
  void keepUp(std::uint64_t changes, Control& control);

  Load load_;                            // null where nothing of the graph goes out of date
  std::optional<std::uint64_t> laidAt_;  // changes of the parameters when it was loaded; nothing while it is given back
  std::shared_ptr<const Runtime> runtime_;
  std::shared_ptr<ParameterSet> parameters_;
  Stepper stepper_;
  std::unique_ptr<Rows> prefix_;  // one row: the source whose requests are being started
};

}  // namespace mrt
