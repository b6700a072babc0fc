// A training step: gradients of each micro-batch, added up, clipped by the global norm, the weights updated in place. The
// weights are touched only at the very end, and only when every loss and gradient is finite. Where the gradients come from
// differs: from one graph (here), or from a chain of sessions (layered.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "control.h"
#include "optimizer.h"
#include "parameters.h"
#include "session.h"
#include "tensor.h"

namespace mrt {

/// The output that is watched: where it is not finite, nothing is updated.
constexpr const char* kLoss = "loss";

/// Whether every number of a tensor is finite; true for tensors of other types than float32.
bool allFinite(const HostTensor& tensor);

class Trainer {
 public:
  enum class Outcome { kApplied, kGradientsOnly, kNonfiniteLoss, kNonfiniteGradient };

  struct Result {
    std::vector<std::vector<HostTensor>> outputs;  // per micro-batch, in the order in which they were asked for
    double gradNorm = 0;                           // before clipping
    std::vector<double> gradNorms;                 // per trained parameter, in the order of `trained()`
    bool clipped = false;
    Outcome outcome = Outcome::kApplied;
    std::int64_t step = 0;                         // updates so far
  };

  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;
  virtual ~Trainer() = default;

  enum class Kind { kGraph, kLayered };
  virtual Kind kind() const = 0;
  /// The graph that gives all gradients; null where there are several.
  virtual const Session* graph() const { return nullptr; }
  const std::shared_ptr<const Runtime>& runtime() const { return runtime_; }
  const std::shared_ptr<ParameterSet>& parameters() const { return parameters_; }
  const Layout& trained() const { return layout_; }
  virtual std::size_t bytes() const { return sum_.bytes() + first_.bytes() + second_.bytes(); }

  // Flat blocks in the layout of `trained()`.
  const float* gradients() const { return sum_.data(); }
  float* first() { return first_.data(); }
  float* second() { return second_.data(); }
  std::int64_t steps() const { return steps_; }
  void setSteps(std::int64_t steps) { steps_ = steps; }

 protected:
  /// Trains these parameters, all of them in the set.
  Trainer(std::shared_ptr<const Runtime> runtime, std::shared_ptr<ParameterSet> parameters, const std::vector<ParameterSpec>& trained);

  /// The end of a step whose gradients lie in `sum_`: norms, and the update where it is wanted and everything is finite.
  void conclude(const AdamW& optimizer, bool apply, bool lossFinite, const Control& control, Result& result);
  static void report(Control& control, std::size_t finished, std::size_t total);

  std::shared_ptr<const Runtime> runtime_;
  std::shared_ptr<ParameterSet> parameters_;
  Layout layout_;
  Buffer<float> sum_;  // gradients of the step so far

 private:
  void apply(const AdamW& rule, double gradNorm, Result& result);

  std::vector<const Layout::Slice*> targets_;  // where each trained parameter lies in the parameter set
  Buffer<float> first_;                        // AdamW's moments
  Buffer<float> second_;
  std::int64_t steps_ = 0;
};

/// Gradients from one graph that holds the whole model, forward and backward.
class GraphTrainer final : public Trainer {
 public:
  struct Work {
    std::vector<std::vector<NamedTensor>> microbatches;
    std::vector<std::string> outputs;
    AdamW optimizer;
    bool apply = true;
  };

  /// Trains the parameters that have an output `gradientPrefix` + name. Throws Failure bad-model, unknown-name, wrong-shape.
  GraphTrainer(std::shared_ptr<Session> session, const std::string& gradientPrefix);

  static constexpr Kind kKind = Kind::kGraph;
  Kind kind() const override { return kKind; }
  const Session* graph() const override { return session_.get(); }
  std::size_t bytes() const override { return Trainer::bytes() + part_.bytes(); }

  /// Throws Failure cancelled (nothing was changed) or runtime.
  Result step(const Work& work, Control& control);

 private:
  std::vector<ort::Owned<ort::Value>> viewGradients(Buffer<float>& block) const;
  std::vector<HostTensor> runMicrobatch(const std::vector<NamedTensor>& feeds, const Work& work,
                                        const std::vector<ort::Owned<ort::Value>>& gradients, bool& lossFinite, const Control& control) const;

  std::shared_ptr<Session> session_;
  std::vector<std::string> gradientNames_;
  bool reportsLoss_ = false;
  Buffer<float> part_;  // gradients of one micro-batch, from the second on
  std::vector<ort::Owned<ort::Value>> sumViews_;
  std::vector<ort::Owned<ort::Value>> partViews_;
};

}  // namespace mrt
