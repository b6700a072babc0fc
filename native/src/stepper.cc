#include "stepper.h"

#include <algorithm>
#include <iterator>

#include "failure.h"

namespace mrt {
namespace {

/// Inputs that every step writes anew, in the order in which a binding keeps their values.
constexpr const char* kFeeds[] = {"tokens", "seqlens_k", "total_sequence_length"};

}  // namespace

Stepper::Stepper(std::shared_ptr<Session> session, const CacheShape& shape, std::int32_t vocabulary, std::size_t rows)
    : session_(std::move(session)),
      shape_(shape),
      vocabulary_(static_cast<std::size_t>(vocabulary)),
      capacity_(rows),
      tokens_(rows),
      positions_(rows),
      total_(1),
      logits_(rows * static_cast<std::size_t>(vocabulary)),
      chunk_(static_cast<std::size_t>(shape.maxLength)) {
  for (std::int32_t layer = 0; layer < shape_.layers; ++layer) {
    for (const char* kind : {"key_", "value_"}) {
      pastNames_.push_back(std::string("past_") + kind + std::to_string(layer));
      presentNames_.push_back(std::string("present_") + kind + std::to_string(layer));
    }
  }
  checkPorts();
  if (session_->device() == Device::kCpu) {
    rows_ = std::make_unique<Rows>(shape_, capacity_);
  } else {
    placeOnDevice();
  }
  // One step at the last position finds a graph of another vocabulary, or one whose rotary tables are too short, now.
  feed(0, 0, shape_.maxLength - 1);
  // What earlier work of another shape left in the arena goes at the same time.
  Control trial(*session_->runtime());
  trial.giveBackAfterRun();
  try {
    step(forks() ? 1 : capacity_, trial);
  } catch (const Failure& failure) {
    throw Failure("bad-model", std::string("a decode step at the last position failed: ") + failure.what());
  }
}

void Stepper::checkPorts() const {
  const auto require = [](bool present, const std::string& name) {
    if (!present) throw Failure("bad-model", "the decode graph has no " + name);
  };
  std::vector<std::string> known(std::begin(kFeeds), std::end(kFeeds));
  known.insert(known.end(), pastNames_.begin(), pastNames_.end());
  for (const std::string& name : known) require(session_->input(name) != nullptr, "input " + name);
  require(session_->output("logits") != nullptr, "output logits");
  for (const std::string& name : presentNames_) require(session_->output(name) != nullptr, "output " + name);
  for (const Port& port : session_->inputs()) {
    const bool fed = session_->bound(port.name) || std::find(known.begin(), known.end(), port.name) != known.end();
    if (!fed) throw Failure("missing-input", "the decode graph asks for " + port.name + ", which is neither a parameter nor part of decoding");
  }
}

void Stepper::placeOnDevice() {
  const Runtime& runtime = *session_->runtime();
  const ort::Api& api = runtime.api();
  ort::MemoryInfo* memory = nullptr;
  const char* name = session_->device() == Device::kCuda ? "Cuda" : "WebGPU_Buffer";
  runtime.check(api.CreateMemoryInfo(name, ort::kDeviceAllocator, 0, ort::kMemoryDefault, &memory), "device-unavailable");
  const auto owner = runtime.own(memory, api.ReleaseMemoryInfo.function);
  ort::Allocator* allocator = nullptr;
  runtime.check(api.CreateAllocator(session_->handle(), memory, &allocator), "device-unavailable");
  allocator_ = runtime.own(allocator, api.ReleaseAllocator.function);
  const std::int64_t dims[] = {static_cast<std::int64_t>(capacity_), shape_.kvHeads, shape_.maxLength, shape_.headDim};
  for (std::size_t i = 0; i < pastNames_.size(); ++i) {
    ort::Value* value = nullptr;
    runtime.check(api.CreateTensorAsOrtValue(allocator, dims, 4, ort::kFloat32, &value), "out-of-memory");
    deviceBlocks_.push_back(runtime.own(value, api.ReleaseValue.function));
  }
}

std::size_t Stepper::bytes() const {
  const std::size_t cache = rows_ ? rows_->bytes() : deviceBlocks_.size() * capacity_ * shape_.rowElements() * sizeof(float);
  return cache + logits_.bytes() + tokens_.bytes() + positions_.bytes() + chunk_.bytes();
}

Stepper::Bound Stepper::bind(Rows* rows, std::size_t firstRow, std::int64_t batch, std::int64_t width, std::int64_t* tokens) {
  const Runtime& runtime = *session_->runtime();
  const ort::Api& api = runtime.api();
  Bound bound{runtime.createBinding(session_->handle()), {}};
  ort::IoBinding* binding = bound.binding.get();
  const auto keep = [&bound](ort::Owned<ort::Value> value) {
    bound.values.push_back(std::move(value));
    return bound.values.back().get();
  };
  const auto elements = static_cast<std::size_t>(batch * width);
  const auto lanes = static_cast<std::size_t>(batch);
  session_->bindParameters(binding);
  keep(runtime.view(tokens, elements * sizeof(std::int64_t), {batch, width}, ort::kInt64));
  keep(runtime.view(positions_.data(), lanes * sizeof(std::int32_t), {batch}, ort::kInt32));
  keep(runtime.view(total_.data(), sizeof(std::int32_t), {}, ort::kInt32));
  bindFeeds(bound);
  const std::vector<std::int64_t> logitDims{batch, static_cast<std::int64_t>(vocabulary_)};
  runtime.check(api.BindOutput(binding, "logits", keep(runtime.view(logits_.data(), lanes * vocabulary_ * sizeof(float), logitDims, ort::kFloat32))));
  const std::vector<std::int64_t> cacheDims{batch, shape_.kvHeads, shape_.maxLength, shape_.headDim};
  for (std::size_t i = 0; i < pastNames_.size(); ++i) {
    const ort::Value* block = rows ? keep(runtime.view(rows->block(i, firstRow), lanes * shape_.rowElements() * sizeof(float), cacheDims, ort::kFloat32))
                                   : deviceBlocks_[i].get();
    runtime.check(api.BindInput(binding, pastNames_[i].c_str(), block));
    runtime.check(api.BindOutput(binding, presentNames_[i].c_str(), block));
  }
  return bound;
}

void Stepper::bindFeeds(const Bound& bound) const {
  for (std::size_t i = 0; i < std::size(kFeeds); ++i) {
    session_->runtime()->check(session_->runtime()->api().BindInput(bound.binding.get(), kFeeds[i], bound.values[i].get()));
  }
}

void Stepper::run(const Bound& bound, const Control& control) const {
  if (!forks()) bindFeeds(bound);  // binding is when ordinary memory is copied to a device
  ort::Status* status = session_->runtime()->api().RunWithBinding(session_->handle(), control.runOptions(), bound.binding.get());
  session_->runtime()->check(status, control.cancelled() ? "cancelled" : "runtime");
}

void Stepper::step(std::size_t batch, const Control& control) {
  auto found = steps_.find(batch);
  if (found == steps_.end()) {
    found = steps_.emplace(batch, bind(rows_.get(), 0, static_cast<std::int64_t>(batch), 1, tokens_.data())).first;
  }
  *total_.data() = 1 + *std::max_element(positions_.data(), positions_.data() + batch);
  run(found->second, control);
}

void Stepper::prefill(Rows& rows, std::size_t row, const std::int32_t* tokens, std::size_t count, std::size_t past, const Control& control) {
  std::copy(tokens, tokens + count, chunk_.data());
  // The chunk borrows lane 0 of the step's small tensors; a step writes them anew.
  const Bound bound = bind(&rows, row, 1, static_cast<std::int64_t>(count), chunk_.data());
  *total_.data() = static_cast<std::int32_t>(past + count);
  *positions_.data() = *total_.data() - 1;
  run(bound, control);
}

void Stepper::refresh() {
  if (!forks()) steps_.clear();
}

void Stepper::release() {
  steps_.clear();
  session_.reset();
}

}  // namespace mrt
