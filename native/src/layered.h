// A training step through a chain of sessions: every kind of layer is one graph forward and one backward, run for each layer
// with that layer's weights as inputs. Which values are kept for the backward pass, which are computed again, and how a wide
// head is cut into chunks is the caller's plan, a list of runs; here they are run, and memory goes as soon as the plan says so.
// Weights are read where the parameter set has them and are never copied.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "buffer.h"
#include "train.h"

namespace mrt {

/// An input or output of a run, and the value that it reads or makes: all of it, or `rows` of its first axis.
struct Operand {
  std::string port;
  std::string value;
  std::int64_t from = 0;
  std::int64_t rows = -1;  // -1: all
};

struct Run {
  std::size_t session = 0;
  std::vector<Operand> inputs;     // port <- value made before, fed, or a room
  std::vector<Operand> weights;    // port <- parameter
  std::vector<Operand> outputs;    // port -> new value, or rows of a room
  std::vector<Operand> gradients;  // port -> added to the gradient of a parameter
  std::vector<std::string> drops;  // values nobody reads after this run
};

/// Memory that several runs write parts of: float32, zero at first.
struct Room {
  std::string name;
  std::vector<std::int64_t> dims;
};

class LayeredTrainer final : public Trainer {
 public:
  struct Microbatch {
    std::vector<NamedTensor> feeds;
    std::vector<Room> rooms;
    std::vector<Run> runs;
  };

  struct Work {
    std::vector<Microbatch> microbatches;
    std::vector<std::string> outputs;  // values to return, alive at the end of a micro-batch; `loss` is watched
    AdamW optimizer;
    bool apply = true;
  };

  /// Throws Failure unknown-name for a trained name that is no parameter.
  LayeredTrainer(std::shared_ptr<const Runtime> runtime, std::vector<std::unique_ptr<Session>> sessions,
                 std::shared_ptr<ParameterSet> parameters, const std::vector<std::string>& trained);

  static constexpr Kind kKind = Kind::kLayered;
  Kind kind() const override { return kKind; }

  /// Throws Failure cancelled (nothing was changed), bad-argument for a plan that reads what is not there, or runtime.
  Result step(const Work& work, Control& control);

 private:
  struct Held {
    ort::Owned<ort::Value> value;
    Buffer<float> room;  // empty unless the memory is ours
  };
  using Values = std::unordered_map<std::string, Held>;

  std::vector<HostTensor> runMicrobatch(const Microbatch& batch, const std::vector<std::string>& outputs, bool& lossFinite, const Control& control);
  void run(const Run& plan, Values& values, const Control& control);
  void addGradient(const std::string& parameter, ort::Value* value);
  const ort::Value* weight(const std::string& name);
  ort::Owned<ort::Value> rowsOf(const Held& held, const Operand& operand) const;
  static const Held& require(const Values& values, const std::string& name);

  std::vector<std::unique_ptr<Session>> sessions_;
  std::unordered_map<std::string, ort::Owned<ort::Value>> weights_;  // views of parameters, made when first read
};

}  // namespace mrt
