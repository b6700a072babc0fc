#include "layered.h"

#include <algorithm>

#include "failure.h"

namespace mrt {
namespace {

/// Specs of the named parameters, in the order of the set.
std::vector<ParameterSpec> specsOf(const ParameterSet& parameters, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (!parameters.layout()->find(name)) throw Failure("unknown-name", name + " is to be trained but is not a parameter");
  }
  std::vector<ParameterSpec> specs;
  for (const Layout::Slice& slice : parameters.layout()->slices()) {
    if (std::find(names.begin(), names.end(), slice.name) != names.end()) specs.push_back({slice.name, slice.dims, slice.decay, slice.type});
  }
  if (specs.empty()) throw Failure("bad-argument", "nothing is to be trained");
  return specs;
}

}  // namespace

LayeredTrainer::LayeredTrainer(std::shared_ptr<const Runtime> runtime, std::vector<std::unique_ptr<Session>> sessions,
                               std::shared_ptr<ParameterSet> parameters, const std::vector<std::string>& trained)
    : Trainer(std::move(runtime), parameters, specsOf(*parameters, trained)), sessions_(std::move(sessions)) {}

Trainer::Result LayeredTrainer::step(const Work& work, Control& control) {
  std::fill(sum_.data(), sum_.data() + sum_.size(), 0.0f);
  Result result;
  bool lossFinite = true;
  for (std::size_t i = 0; i < work.microbatches.size(); ++i) {
    result.outputs.push_back(runMicrobatch(work.microbatches[i], work.outputs, lossFinite, control));
    report(control, i + 1, work.microbatches.size());
  }
  conclude(work.optimizer, work.apply, lossFinite, control, result);
  return result;
}

std::vector<HostTensor> LayeredTrainer::runMicrobatch(const Microbatch& batch, const std::vector<std::string>& outputs, bool& lossFinite,
                                                      const Control& control) {
  Values values;
  for (const NamedTensor& feed : batch.feeds) {
    const HostTensor& tensor = feed.tensor;
    // The runtime takes a pointer to non-const memory but only reads its inputs.
    auto* data = const_cast<std::uint8_t*>(tensor.bytes.data());
    values[feed.name].value = runtime_->view(data, tensor.bytes.size(), tensor.dims, tensor.type);
  }
  for (const Room& room : batch.rooms) {
    Held& held = values[room.name];
    held.room = Buffer<float>(elementCount(room.dims));
    held.value = runtime_->view(held.room.data(), held.room.bytes(), room.dims, ort::kFloat32);
  }
  for (const Run& plan : batch.runs) {
    if (control.cancelled()) throw Failure("cancelled", "the step was cancelled");
    run(plan, values, control);
  }
  std::vector<HostTensor> results;
  for (const std::string& name : outputs) results.push_back(sessions_.front()->read(require(values, name).value.get()));
  lossFinite = lossFinite && allFinite(sessions_.front()->read(require(values, kLoss).value.get()));
  return results;
}

void LayeredTrainer::run(const Run& plan, Values& values, const Control& control) {
  if (plan.session >= sessions_.size()) throw Failure("bad-argument", "a run names a session that is not there");
  std::vector<ort::Owned<ort::Value>> views;
  const auto view = [&](const Held& held, const Operand& operand) {
    if (operand.rows < 0) return held.value.get();
    views.push_back(rowsOf(held, operand));
    return views.back().get();
  };
  std::vector<const char*> inputNames;
  std::vector<const ort::Value*> inputs;
  for (const Operand& operand : plan.inputs) {
    inputNames.push_back(operand.port.c_str());
    inputs.push_back(view(require(values, operand.value), operand));
  }
  for (const Operand& operand : plan.weights) {
    inputNames.push_back(operand.port.c_str());
    inputs.push_back(weight(operand.value));
  }
  std::vector<const char*> outputNames;
  std::vector<ort::Value*> outputs;
  for (const Operand& operand : plan.outputs) {
    outputNames.push_back(operand.port.c_str());
    outputs.push_back(operand.rows < 0 ? nullptr : view(require(values, operand.value), operand));
  }
  for (const Operand& operand : plan.gradients) {
    outputNames.push_back(operand.port.c_str());
    outputs.push_back(nullptr);
  }
  ort::Status* status = runtime_->api().Run(sessions_[plan.session]->handle(), control.runOptions(), inputNames.data(), inputs.data(),
                                            inputs.size(), outputNames.data(), outputNames.size(), outputs.data());
  runtime_->check(status, control.cancelled() ? "cancelled" : "runtime");

  std::vector<ort::Owned<ort::Value>> made;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const bool ours = i < plan.outputs.size() && plan.outputs[i].rows >= 0;
    made.push_back(ours ? ort::Owned<ort::Value>(nullptr, {}) : runtime_->own(outputs[i], runtime_->api().ReleaseValue.function));
  }
  for (std::size_t i = 0; i < plan.outputs.size(); ++i) {
    if (made[i]) values[plan.outputs[i].value].value = std::move(made[i]);
  }
  for (std::size_t i = 0; i < plan.gradients.size(); ++i) addGradient(plan.gradients[i].value, made[plan.outputs.size() + i].get());
  for (const std::string& name : plan.drops) values.erase(name);
}

void LayeredTrainer::addGradient(const std::string& parameter, ort::Value* value) {
  const Layout::Slice* slice = layout_.find(parameter);
  if (!slice) throw Failure("bad-argument", "a run gives a gradient for " + parameter + ", which does not train");
  const auto [type, dims] = runtime_->shapeOf(value);
  if (type != ort::kFloat32 || dims != slice->dims) {
    throw Failure("wrong-shape", "the gradient of " + parameter + " is not shaped like the parameter");
  }
  void* data = nullptr;
  runtime_->check(runtime_->api().GetTensorMutableData(value, &data));
  accumulate(sum_.data() + slice->offset, static_cast<const float*>(data), slice->count);
}

const ort::Value* LayeredTrainer::weight(const std::string& name) {
  const auto known = weights_.find(name);
  if (known != weights_.end()) return known->second.get();
  const Layout::Slice* slice = parameters_->layout()->find(name);
  if (!slice) throw Failure("bad-argument", "a run reads " + name + ", which is not a parameter");
  auto view = runtime_->view(parameters_->at(*slice), slice->bytes(), slice->dims, slice->type);
  return weights_.emplace(name, std::move(view)).first->second.get();
}

ort::Owned<ort::Value> LayeredTrainer::rowsOf(const Held& held, const Operand& operand) const {
  auto [type, dims] = runtime_->shapeOf(held.value.get());
  if (dims.empty() || operand.from < 0 || operand.from + operand.rows > dims[0]) {
    throw Failure("bad-argument", "a run names rows that " + operand.value + " does not have");
  }
  const std::size_t row = elementCount(dims) / std::max<std::size_t>(1, static_cast<std::size_t>(dims[0])) * elementBytes(type);
  dims[0] = operand.rows;
  void* data = nullptr;
  runtime_->check(runtime_->api().GetTensorMutableData(held.value.get(), &data));
  auto* from = static_cast<std::uint8_t*>(data) + static_cast<std::size_t>(operand.from) * row;
  return runtime_->view(from, static_cast<std::size_t>(operand.rows) * row, dims, type);
}

const LayeredTrainer::Held& LayeredTrainer::require(const Values& values, const std::string& name) {
  const auto found = values.find(name);
  if (found == values.end()) throw Failure("bad-argument", "a run reads " + name + ", which is not there");
  return found->second;
}

}  // namespace mrt
