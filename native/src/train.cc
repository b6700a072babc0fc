#include "train.h"

#include <cmath>
#include <cstring>

#include "failure.h"

namespace mrt {
namespace {

/// The parameters a graph gives gradients for, in the order of the parameter set.
std::vector<ParameterSpec> trainedSpecs(const Session& session, const std::string& prefix) {
  if (!session.parameters()) throw Failure("bad-argument", "training needs parameters");
  std::vector<ParameterSpec> specs;
  for (const Layout::Slice& slice : session.parameters()->layout()->slices()) {
    const Port* port = session.output(prefix + slice.name);
    if (!port) continue;
    if (!session.bound(slice.name)) throw Failure("bad-model", "the graph gives a gradient for " + slice.name + " but does not read it");
    bool same = port->dims.size() == slice.dims.size();
    for (std::size_t i = 0; same && i < slice.dims.size(); ++i) same = port->dims[i] < 0 || port->dims[i] == slice.dims[i];
    if (!same) throw Failure("wrong-shape", "the gradient of " + slice.name + " is not shaped like the parameter");
    specs.push_back({slice.name, slice.dims, slice.decay, slice.type});
  }
  for (const Port& port : session.outputs()) {
    const bool gradient = port.name.compare(0, prefix.size(), prefix) == 0;
    if (gradient && !session.parameters()->layout()->find(port.name.substr(prefix.size()))) {
      throw Failure("unknown-name", "the graph gives a gradient for " + port.name.substr(prefix.size()) + ", which is not a parameter");
    }
  }
  if (specs.empty()) throw Failure("bad-model", "the graph has no output that begins with " + prefix);
  return specs;
}

}  // namespace

bool allFinite(const HostTensor& tensor) {
  if (tensor.type != ort::kFloat32) return true;
  for (std::size_t i = 0; i < tensor.bytes.size(); i += sizeof(float)) {
    float value;
    std::memcpy(&value, tensor.bytes.data() + i, sizeof(value));
    if (!std::isfinite(value)) return false;
  }
  return true;
}

Trainer::Trainer(std::shared_ptr<const Runtime> runtime, std::shared_ptr<ParameterSet> parameters,
                 const std::vector<ParameterSpec>& trained)
    : runtime_(std::move(runtime)),
      parameters_(std::move(parameters)),
      layout_(trained),
      sum_(layout_.extent()),
      first_(layout_.extent()),
      second_(layout_.extent()) {
  for (const Layout::Slice& slice : layout_.slices()) {
    if (slice.type != ort::kFloat32) throw Failure("wrong-dtype", slice.name + " is held in less than single precision, in which nothing trains");
    targets_.push_back(parameters_->layout()->find(slice.name));
  }
}

void Trainer::report(Control& control, std::size_t finished, std::size_t total) {
  control.report([&]() -> Progress { return {{"finished", static_cast<double>(finished)}, {"total", static_cast<double>(total)}}; });
}

void Trainer::conclude(const AdamW& optimizer, bool apply, bool lossFinite, const Control& control, Result& result) {
  double squares = 0;
  for (const Layout::Slice& slice : layout_.slices()) {
    const double square = sumOfSquares(sum_.data() + slice.offset, slice.count);
    result.gradNorms.push_back(std::sqrt(square));
    squares += square;
  }
  result.gradNorm = std::sqrt(squares);
  if (control.cancelled()) throw Failure("cancelled", "the step was cancelled");
  if (!lossFinite) {
    result.outcome = Outcome::kNonfiniteLoss;
  } else if (!std::isfinite(result.gradNorm)) {
    result.outcome = Outcome::kNonfiniteGradient;
  } else if (!apply) {
    result.outcome = Outcome::kGradientsOnly;
  } else {
    this->apply(optimizer, result.gradNorm, result);
  }
  result.step = steps_;
}

void Trainer::apply(const AdamW& rule, double gradNorm, Result& result) {
  result.clipped = rule.clipNorm > 0 && gradNorm > rule.clipNorm;
  const auto scale = static_cast<float>(result.clipped ? rule.clipNorm / gradNorm : 1.0);
  for (const Layout::Slice* target : targets_) parameters_->expectFree(target);
  ++steps_;
  const auto& slices = layout_.slices();
  for (std::size_t i = 0; i < slices.size(); ++i) {
    const std::size_t at = slices[i].offset;
    updateWeights(rule, steps_, slices[i].decay, scale, sum_.data() + at, parameters_->at(*targets_[i]), first_.data() + at,
                  second_.data() + at, slices[i].count);
  }
}

GraphTrainer::GraphTrainer(std::shared_ptr<Session> session, const std::string& gradientPrefix)
    : Trainer(session->runtime(), session->parameters(), trainedSpecs(*session, gradientPrefix)),
      session_(std::move(session)),
      reportsLoss_(session_->output(kLoss) != nullptr) {
  for (const Layout::Slice& slice : layout_.slices()) gradientNames_.push_back(gradientPrefix + slice.name);
  sumViews_ = viewGradients(sum_);
}

std::vector<ort::Owned<ort::Value>> GraphTrainer::viewGradients(Buffer<float>& block) const {
  std::vector<ort::Owned<ort::Value>> views;
  for (const Layout::Slice& slice : layout_.slices()) {
    views.push_back(session_->runtime()->view(block.data() + slice.offset, slice.count * sizeof(float), slice.dims, ort::kFloat32));
  }
  return views;
}

Trainer::Result GraphTrainer::step(const Work& work, Control& control) {
  if (work.microbatches.size() > 1 && part_.size() == 0) {
    part_ = Buffer<float>(layout_.extent());
    partViews_ = viewGradients(part_);
  }
  Result result;
  bool lossFinite = true;
  for (std::size_t i = 0; i < work.microbatches.size(); ++i) {
    if (control.cancelled()) throw Failure("cancelled", "the step was cancelled");
    result.outputs.push_back(runMicrobatch(work.microbatches[i], work, i == 0 ? sumViews_ : partViews_, lossFinite, control));
    if (i > 0) accumulate(sum_.data(), part_.data(), sum_.size());
    report(control, i + 1, work.microbatches.size());
  }
  conclude(work.optimizer, work.apply, lossFinite, control, result);
  return result;
}

std::vector<HostTensor> GraphTrainer::runMicrobatch(const std::vector<NamedTensor>& feeds, const Work& work,
                                               const std::vector<ort::Owned<ort::Value>>& gradients, bool& lossFinite,
                                               const Control& control) const {
  std::vector<const char*> names;
  std::vector<ort::Value*> values;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    names.push_back(gradientNames_[i].c_str());
    values.push_back(gradients[i].get());
  }
  bool lossAsked = false;
  for (const std::string& name : work.outputs) {
    names.push_back(name.c_str());
    lossAsked = lossAsked || name == kLoss;
  }
  if (reportsLoss_ && !lossAsked) names.push_back(kLoss);
  values.resize(names.size(), nullptr);
  session_->run(feeds, names, values, control);

  std::vector<ort::Owned<ort::Value>> owned;
  for (std::size_t i = gradients.size(); i < values.size(); ++i) {
    owned.push_back(session_->runtime()->own(values[i], session_->runtime()->api().ReleaseValue.function));
  }
  std::vector<HostTensor> outputs;
  for (std::size_t i = 0; i < owned.size(); ++i) {
    HostTensor tensor = session_->read(owned[i].get());
    if (std::strcmp(names[gradients.size() + i], kLoss) == 0) lossFinite = lossFinite && allFinite(tensor);
    if (i < work.outputs.size()) outputs.push_back(std::move(tensor));
  }
  return outputs;
}

}  // namespace mrt
