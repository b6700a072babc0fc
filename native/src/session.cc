#include "session.h"

#include <algorithm>
#include <cstring>
#include <tuple>

#include "failure.h"

namespace mrt {
namespace {

std::string describe(const std::vector<std::int64_t>& dims) {
  std::string text = "[";
  for (std::size_t i = 0; i < dims.size(); ++i) text += (i ? ", " : "") + std::to_string(dims[i]);
  return text + "]";
}

bool accepts(const std::vector<std::int64_t>& declared, const std::vector<std::int64_t>& dims) {
  if (declared.size() != dims.size()) return false;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (declared[i] >= 0 && declared[i] != dims[i]) return false;
  }
  return true;
}

const Port* find(const std::vector<Port>& ports, const std::string& name) {
  const auto found = std::find_if(ports.begin(), ports.end(), [&](const Port& port) { return port.name == name; });
  return found == ports.end() ? nullptr : &*found;
}

}  // namespace

Session::Session(std::shared_ptr<const Runtime> runtime, const void* model, std::size_t bytes, const Options& options,
                 std::shared_ptr<ParameterSet> parameters)
    : runtime_(std::move(runtime)), parameters_(std::move(parameters)), device_(options.device) {
  try {
    load(model, bytes, options, true);
  } catch (const Failure& failure) {
    // Another part of this process made ONNX Runtime's environment first, and made it without shared threads.
    if (std::string(failure.what()).find("CreateEnvWithGlobalThreadPools") == std::string::npos) throw;
    load(model, bytes, options, false);
  }
  inputs_ = ports(true);
  outputs_ = ports(false);
  bindToParameters();
}

void Session::load(const void* model, std::size_t bytes, const Options& options, bool sharedThreads) {
  const ort::Api& api = runtime_->api();
  ort::SessionOptions* settings = nullptr;
  runtime_->check(api.CreateSessionOptions(&settings));
  const auto owner = runtime_->own(settings, api.ReleaseSessionOptions.function);
  if (sharedThreads) {
    runtime_->check(api.DisablePerSessionThreads(settings));
  } else {
    runtime_->check(api.SetIntraOpNumThreads(settings, runtime_->threads()));
  }
  runtime_->check(api.AddSessionConfigEntry(settings, "session.use_env_allocators", "1"));
  // Shapes differ from run to run (batch, width), and a pattern is kept for each: plan nothing, let the arena serve.
  runtime_->check(api.DisableMemPattern(settings));
  runtime_->check(api.SetSessionGraphOptimizationLevel(settings, options.optimization));
  if (device_ == Device::kCpu) runtime_->check(api.AddCustomOpDomain(settings, runtime_->ownOperators()));
  if (device_ == Device::kWebGpu) {
    runtime_->check(api.SessionOptionsAppendExecutionProvider(settings, "WebGPU", nullptr, nullptr, 0), "device-unavailable");
  }
  if (device_ == Device::kCuda) {
    for (const std::string& library : options.libraries) Runtime::preload(library);
    ort::CudaOptions* cuda = nullptr;
    runtime_->check(api.CreateCUDAProviderOptions(&cuda), "device-unavailable");
    const auto cudaOwner = runtime_->own(cuda, api.ReleaseCUDAProviderOptions.function);
    // Loads the provider's library from beside ONNX Runtime's own.
    runtime_->check(api.SessionOptionsAppendExecutionProvider_CUDA_V2(settings, cuda), "device-unavailable");
  }
  if (!options.fixed.empty()) {
    // Outside of the arena, which would grow by more than is needed.
    runtime_->check(api.AddSessionConfigEntry(settings, "session.use_device_allocator_for_initializers", "1"));
    // A graph without a file says where a value is that it does not hold; the runtime checks that such a file is there and never reads it.
    const std::string& library = runtime_->library();
    const std::string folder = library.substr(0, library.find_last_of("/\\"));
    runtime_->check(api.AddSessionConfigEntry(settings, "session.model_external_initializers_file_folder_path", folder.c_str()));
    if (!parameters_) throw Failure("bad-argument", "values are to be fixed of no parameters");
    fixedValues_.clear();
    for (const std::string& name : options.fixed) {
      const Layout::Slice* slice = parameters_->layout()->find(name);
      if (!slice) throw Failure("unknown-name", "there is no parameter " + name);
      fixedValues_.push_back(runtime_->view(parameters_->at(*slice), slice->bytes(), slice->dims, slice->type));
      runtime_->check(api.AddInitializer(settings, name.c_str(), fixedValues_.back().get()));
    }
    if (options.hold) hold_ = std::make_unique<ParameterSet::Hold>(parameters_, options.fixed);
  }
  ort::Session* session = nullptr;
  // With CUDA the device itself is first asked for here.
  runtime_->check(api.CreateSessionFromArray(runtime_->env(), model, bytes, settings, &session),
                  device_ == Device::kCuda ? "device-unavailable" : "bad-model");
  session_ = runtime_->own(session, api.ReleaseSession.function);
}

std::vector<Port> Session::ports(bool inputs) const {
  const ort::Api& api = runtime_->api();
  ort::Allocator* allocator = nullptr;
  runtime_->check(api.GetAllocatorWithDefaultOptions(&allocator));
  std::size_t count = 0;
  runtime_->check(inputs ? api.SessionGetInputCount(handle(), &count) : api.SessionGetOutputCount(handle(), &count));
  std::vector<Port> found(count);
  for (std::size_t i = 0; i < count; ++i) {
    char* name = nullptr;
    runtime_->check(inputs ? api.SessionGetInputName(handle(), i, allocator, &name)
                           : api.SessionGetOutputName(handle(), i, allocator, &name));
    found[i].name = name;
    runtime_->check(api.AllocatorFree(allocator, name));

    ort::TypeInfo* type = nullptr;
    runtime_->check(inputs ? api.SessionGetInputTypeInfo(handle(), i, &type) : api.SessionGetOutputTypeInfo(handle(), i, &type));
    const auto owner = runtime_->own(type, api.ReleaseTypeInfo.function);
    const ort::TensorInfo* tensor = nullptr;
    runtime_->check(api.CastTypeInfoToTensorInfo(type, &tensor));
    if (!tensor) throw Failure("bad-model", found[i].name + " is not a tensor");
    std::size_t rank = 0;
    runtime_->check(api.GetTensorElementType(tensor, &found[i].type));
    runtime_->check(api.GetDimensionsCount(tensor, &rank));
    found[i].dims.resize(rank);
    runtime_->check(api.GetDimensions(tensor, found[i].dims.data(), rank));
    std::vector<const char*> symbols(rank, "");
    runtime_->check(api.GetSymbolicDimensions(tensor, symbols.data(), rank));
    found[i].symbols.assign(symbols.begin(), symbols.end());
  }
  return found;
}

void Session::bindToParameters() {
  if (!parameters_) return;
  for (const Port& port : inputs_) {
    const Layout::Slice* slice = parameters_->layout()->find(port.name);
    if (!slice) continue;
    if (port.type != slice->type) throw Failure("wrong-dtype", "the graph declares the parameter " + port.name + " as another type than it is held in");
    if (!accepts(port.dims, slice->dims)) {
      throw Failure("wrong-shape", "the parameter " + port.name + " is " + describe(slice->dims) + ", the graph declares " + describe(port.dims));
    }
    boundNames_.push_back(port.name.c_str());
    boundValues_.push_back(runtime_->view(parameters_->at(*slice), slice->bytes(), slice->dims, slice->type));
  }
}

const Port* Session::input(const std::string& name) const { return find(inputs_, name); }
const Port* Session::output(const std::string& name) const { return find(outputs_, name); }

bool Session::bound(const std::string& name) const {
  return std::any_of(boundNames_.begin(), boundNames_.end(), [&](const char* other) { return name == other; });
}

void Session::bindParameters(ort::IoBinding* binding) const {
  for (std::size_t i = 0; i < boundNames_.size(); ++i) {
    runtime_->check(runtime_->api().BindInput(binding, boundNames_[i], boundValues_[i].get()));
  }
}

void Session::run(const std::vector<NamedTensor>& feeds, const std::vector<const char*>& names, std::vector<ort::Value*>& values,
                  const Control& control) const {
  std::vector<const char*> inputNames(boundNames_);
  std::vector<const ort::Value*> inputs;
  std::vector<ort::Owned<ort::Value>> fed;
  for (const auto& value : boundValues_) inputs.push_back(value.get());
  for (const NamedTensor& feed : feeds) {
    const HostTensor& tensor = feed.tensor;
    // The runtime takes a pointer to non-const memory but only reads its inputs.
    fed.push_back(runtime_->view(const_cast<std::uint8_t*>(tensor.bytes.data()), tensor.bytes.size(), tensor.dims, tensor.type));
    inputNames.push_back(feed.name.c_str());
    inputs.push_back(fed.back().get());
  }
  ort::Status* status = runtime_->api().Run(handle(), control.runOptions(), inputNames.data(), inputs.data(), inputs.size(),
                                            names.data(), names.size(), values.data());
  runtime_->check(status, control.cancelled() ? "cancelled" : "runtime");
}

std::vector<HostTensor> Session::run(const std::vector<NamedTensor>& feeds, const std::vector<std::string>& names,
                                     const Control& control) const {
  std::vector<const char*> wanted;
  for (const std::string& name : names) wanted.push_back(name.c_str());
  std::vector<ort::Value*> values(names.size(), nullptr);
  run(feeds, wanted, values, control);
  std::vector<ort::Owned<ort::Value>> owned;
  for (ort::Value* value : values) owned.push_back(runtime_->own(value, runtime_->api().ReleaseValue.function));
  std::vector<HostTensor> results;
  for (const auto& value : owned) results.push_back(read(value.get()));
  return results;
}

HostTensor Session::read(ort::Value* value) const {
  HostTensor tensor;
  std::tie(tensor.type, tensor.dims) = runtime_->shapeOf(value);
  tensor.bytes.resize(elementCount(tensor.dims) * elementBytes(tensor.type));
  void* data = nullptr;
  runtime_->check(runtime_->api().GetTensorMutableData(value, &data));
  if (!tensor.bytes.empty()) std::memcpy(tensor.bytes.data(), data, tensor.bytes.size());
  return tensor;
}

}  // namespace mrt
