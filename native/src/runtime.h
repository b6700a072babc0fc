// ONNX Runtime as a loaded library with one environment: one pool of threads and one arena that every session shares,
// so that decoding, scoring and training neither fight for the cores nor hoard memory of their own.
// Left out: unloading the library, which ONNX Runtime does not survive.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "attention_op.h"
#include "ort_abi.h"

namespace mrt {

enum class Device { kCpu, kWebGpu, kCuda };

class Runtime {
 public:
  struct Options {
    std::string library;  // path of libonnxruntime
    std::string version;  // what the library must say it is
    int threads = 0;      // 0: physicalCores()
  };

  /// Throws Failure library-missing, library-version or runtime.
  explicit Runtime(const Options& options);

  const ort::Api& api() const { return *api_; }
  ort::Env* env() const { return env_.get(); }
  const std::string& version() const { return version_; }
  /// Path of the library.
  const std::string& library() const { return library_; }
  int threads() const { return threads_; }

  /// Operators that graphs may name beside the runtime's own.
  const ort::CustomOpDomain* ownOperators() const { return ownOperators_.get(); }

  /// Loads a library for good, so that what is loaded later and links to it finds it. Throws Failure device-unavailable.
  static void preload(const std::string& path);

  /// Execution providers compiled into the library, e.g. CPUExecutionProvider.
  std::vector<std::string> providers() const;

  /// Turns a status into a Failure with the given code.
  void check(ort::Status* status, const char* code = "runtime") const;

  ort::Owned<ort::RunOptions> createRunOptions() const;
  ort::Owned<ort::IoBinding> createBinding(ort::Session* session) const;

  /// A tensor over memory that somebody else owns.
  ort::Owned<ort::Value> view(void* data, std::size_t bytes, const std::vector<std::int64_t>& dims, ort::ElementType type) const;

  /// Type and dims of a tensor.
  std::pair<ort::ElementType, std::vector<std::int64_t>> shapeOf(const ort::Value* value) const;

  template <class Object>
  ort::Owned<Object> own(Object* object, void(MRT_ORT_CALL* release)(Object*)) const {
    return ort::Owned<Object>(object, ort::Releaser<Object>{release});
  }

 private:
  std::unique_ptr<const ort::Api> api_;
  std::string version_;
  std::string library_;
  int threads_ = 1;
  ort::Owned<ort::Env> env_;
  ort::Owned<ort::MemoryInfo> cpuMemory_;
  std::unique_ptr<const AttentionOperator> attention_;
  ort::Owned<ort::CustomOpDomain> ownOperators_;
};

}  // namespace mrt
