#include "runtime.h"

#include <cstdlib>

#if defined(_WIN32)
#define NOMINMAX
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include "failure.h"
#include "machine.h"

namespace mrt {
namespace {

using GetApiBase = const ort::ApiBase*(MRT_ORT_CALL*)();

/// Official builds of ONNX Runtime report usage from the moment they are loaded unless this is set before.
void forbidTelemetry() {
#if defined(_WIN32)
  _putenv_s("ORT_DISABLE_TELEMETRY", "1");
  SetEnvironmentVariableA("ORT_DISABLE_TELEMETRY", "1");
#else
  setenv("ORT_DISABLE_TELEMETRY", "1", 1);
#endif
}

#if defined(_WIN32)

HMODULE load(const std::string& path, const char* code) {
  const int length = MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, nullptr, 0);
  std::wstring wide(static_cast<std::size_t>(length), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, wide.data(), length);
  const HMODULE module = LoadLibraryExW(wide.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
  if (!module) throw Failure(code, "cannot load " + path + ": Windows error " + std::to_string(GetLastError()));
  return module;
}

GetApiBase findEntry(const std::string& path) {
  return reinterpret_cast<GetApiBase>(GetProcAddress(load(path, "library-missing"), "OrtGetApiBase"));
}

#else

void* load(const std::string& path, const char* code) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) throw Failure(code, std::string("cannot load it: ") + dlerror());
  return library;
}

GetApiBase findEntry(const std::string& path) {
  return reinterpret_cast<GetApiBase>(dlsym(load(path, "library-missing"), "OrtGetApiBase"));
}

#endif

}  // namespace

Runtime::Runtime(const Options& options) {
  forbidTelemetry();
  const GetApiBase entry = findEntry(options.library);
  if (!entry) throw Failure("library-missing", options.library + " is not ONNX Runtime: it has no OrtGetApiBase");
  const ort::ApiBase* base = entry();
  version_ = base->getVersionString();
  library_ = options.library;
  if (version_ != options.version) {
    throw Failure("library-version", options.library + " says it is ONNX Runtime " + version_ + ", expected " + options.version);
  }
  const ort::Table table = base->getApi(ort::kApiVersion);
  if (!table) {
    throw Failure("library-version", "ONNX Runtime " + version_ + " has no C API of version " + std::to_string(ort::kApiVersion));
  }
  api_ = std::make_unique<const ort::Api>(table);
  threads_ = options.threads > 0 ? options.threads : physicalCores();

  ort::ThreadingOptions* threading = nullptr;
  check(api_->CreateThreadingOptions(&threading));
  const auto owner = own(threading, api_->ReleaseThreadingOptions.function);
  check(api_->SetGlobalIntraOpNumThreads(threading, threads_));
  check(api_->SetGlobalInterOpNumThreads(threading, 1));
  check(api_->SetGlobalSpinControl(threading, 1));
  ort::Env* env = nullptr;
  check(api_->CreateEnvWithGlobalThreadPools(ort::kLogFatal, "mrt", threading, &env));
  env_ = own(env, api_->ReleaseEnv.function);
  check(api_->DisableTelemetryEvents(env));

  ort::MemoryInfo* memory = nullptr;
  check(api_->CreateCpuMemoryInfo(ort::kDeviceAllocator, ort::kMemoryDefault, &memory));
  cpuMemory_ = own(memory, api_->ReleaseMemoryInfo.function);

  attention_ = std::make_unique<const AttentionOperator>(*api_);
  ort::CustomOpDomain* domain = nullptr;
  check(api_->CreateCustomOpDomain(AttentionOperator::kDomain, &domain));
  ownOperators_ = own(domain, api_->ReleaseCustomOpDomain.function);
  check(api_->CustomOpDomain_Add(domain, attention_.get()));

  // One arena for all sessions, growing by doubling: over 40 training steps of random widths it peaked at 0.49 GB, where
  // growing by what is asked for took 0.87 GB and planning memory per shape 1.02 GB.
  ort::MemoryInfo* arenaMemory = nullptr;
  check(api_->CreateCpuMemoryInfo(ort::kArenaAllocator, ort::kMemoryDefault, &arenaMemory));
  const auto arenaOwner = own(arenaMemory, api_->ReleaseMemoryInfo.function);
  // Fails when another part of the process registered its own arena on the shared environment; then that one serves.
  if (ort::Status* status = api_->CreateAndRegisterAllocator(env, arenaMemory, nullptr)) api_->ReleaseStatus(status);
}

void Runtime::preload(const std::string& path) { load(path, "device-unavailable"); }

std::vector<std::string> Runtime::providers() const {
  char** names = nullptr;
  int count = 0;
  check(api_->GetAvailableProviders(&names, &count));
  std::vector<std::string> found(names, names + count);
  check(api_->ReleaseAvailableProviders(names, count));
  return found;
}

void Runtime::check(ort::Status* status, const char* code) const {
  if (!status) return;
  const std::string message = api_->GetErrorMessage(status);
  api_->ReleaseStatus(status);
  throw Failure(code, message);
}

ort::Owned<ort::RunOptions> Runtime::createRunOptions() const {
  ort::RunOptions* options = nullptr;
  check(api_->CreateRunOptions(&options));
  return own(options, api_->ReleaseRunOptions.function);
}

ort::Owned<ort::IoBinding> Runtime::createBinding(ort::Session* session) const {
  ort::IoBinding* binding = nullptr;
  check(api_->CreateIoBinding(session, &binding));
  return own(binding, api_->ReleaseIoBinding.function);
}

ort::Owned<ort::Value> Runtime::view(void* data, std::size_t bytes, const std::vector<std::int64_t>& dims,
                                     ort::ElementType type) const {
  ort::Value* value = nullptr;
  check(api_->CreateTensorWithDataAsOrtValue(cpuMemory_.get(), data, bytes, dims.data(), dims.size(), type, &value));
  return own(value, api_->ReleaseValue.function);
}

std::pair<ort::ElementType, std::vector<std::int64_t>> Runtime::shapeOf(const ort::Value* value) const {
  ort::TensorInfo* info = nullptr;
  check(api_->GetTensorTypeAndShape(value, &info));
  const auto owner = own(info, api_->ReleaseTensorTypeAndShapeInfo.function);
  int type = 0;
  std::size_t rank = 0;
  check(api_->GetTensorElementType(info, &type));
  check(api_->GetDimensionsCount(info, &rank));
  std::vector<std::int64_t> dims(rank);
  check(api_->GetDimensions(info, dims.data(), rank));
  return {static_cast<ort::ElementType>(type), std::move(dims)};
}

}  // namespace mrt
