// A training step: run the graph on each micro-batch, add the gradients up, clip by the global norm, update the weights in
// place. The weights are touched only at the very end, and only when every loss and gradient is finite.
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

class Trainer {
 public:
  struct Work {
    std::vector<std::vector<NamedTensor>> microbatches;
    std::vector<std::string> outputs;
    AdamW optimizer;
    bool apply = true;
  };

  enum class Outcome { kApplied, kGradientsOnly, kNonfiniteLoss, kNonfiniteGradient };

  struct Result {
    std::vector<std::vector<HostTensor>> outputs;  // per micro-batch, in the order of Work::outputs
    double gradNorm = 0;                           // before clipping
    std::vector<double> gradNorms;                 // per trained parameter, in the order of `trained()`
    bool clipped = false;
    Outcome outcome = Outcome::kApplied;
    std::int64_t step = 0;                         // updates so far
  };

  /// Trains the parameters that have an output `gradientPrefix` + name. Throws Failure bad-model, unknown-name, wrong-shape.
  Trainer(std::shared_ptr<Session> session, const std::string& gradientPrefix);

  const std::shared_ptr<Session>& session() const { return session_; }
  const Layout& trained() const { return layout_; }
  std::size_t bytes() const { return sum_.bytes() + part_.bytes() + first_.bytes() + second_.bytes(); }

  /// Throws Failure cancelled (nothing was changed) or runtime.
  Result step(const Work& work, Control& control);

  // Flat blocks in the layout of `trained()`.
  const float* gradients() const { return sum_.data(); }
  float* first() { return first_.data(); }
  float* second() { return second_.data(); }
  std::int64_t steps() const { return steps_; }
  void setSteps(std::int64_t steps) { steps_ = steps; }

 private:
  std::vector<ort::Owned<ort::Value>> viewGradients(Buffer<float>& block) const;
  std::vector<HostTensor> runMicrobatch(const std::vector<NamedTensor>& feeds, const Work& work,
                                        const std::vector<ort::Owned<ort::Value>>& gradients, bool& lossFinite, const Control& control) const;
  void apply(const AdamW& rule, double gradNorm, Result& result);

  std::shared_ptr<Session> session_;
  Layout layout_;
  std::vector<const Layout::Slice*> targets_;     // where each trained parameter lies in the parameter set
  std::vector<std::string> gradientNames_;
  bool reportsLoss_ = false;
  Buffer<float> sum_;     // gradients of the step so far
  Buffer<float> part_;    // gradients of one micro-batch, from the second on
  Buffer<float> first_;   // AdamW's moments
  Buffer<float> second_;
  std::vector<ort::Owned<ort::Value>> sumViews_;
  std::vector<ort::Owned<ort::Value>> partViews_;
  std::int64_t steps_ = 0;
};

}  // namespace mrt
