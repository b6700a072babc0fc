// Between JavaScript values and plain structs. The TypeScript face has already validated what it passes;
// the checks here only keep a mistake of ours from becoming a wild pointer.
#pragma once

#include <napi.h>

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "failure.h"
#include "parameters.h"
#include "session.h"
#include "tensor.h"

namespace mrt {

/// The exception being handled as a Failure; call inside a catch block only.
Failure describeCurrentException();

Napi::Error toError(Napi::Env env, const Failure& failure);

std::int64_t toInteger(const Napi::Value& value);
std::vector<std::int64_t> toDims(const Napi::Value& value);
std::vector<std::string> toStrings(const Napi::Value& value);
std::vector<std::int32_t> toInt32s(const Napi::Value& value);
/// {dtype, dims, data}; int64 tensors may come with Int32Array data, which is widened.
HostTensor toTensor(const Napi::Value& value);
/// A record from names to tensors.
std::vector<NamedTensor> toTensors(const Napi::Value& value);
std::vector<ParameterSpec> toSpecs(const Napi::Value& value);

Napi::Object fromTensor(Napi::Env env, const HostTensor& tensor);
Napi::Value fromPorts(Napi::Env env, const std::vector<Port>& ports, const Session& session);
Napi::Float32Array fromFloats(Napi::Env env, const float* values, std::size_t count);
Napi::Int32Array fromInt32s(Napi::Env env, const std::vector<std::int32_t>& values);

/// Registers a job that reads the weights (or, for training, may write them) and answers how to unregister it.
/// Null sets are nobody's. Throws Failure busy when another job's use forbids it.
std::function<void()> useForReading(const std::shared_ptr<ParameterSet>& set);
std::function<void()> useForWriting(const std::shared_ptr<ParameterSet>& set);

/// A native object in JavaScript's hands. `dispose` empties it; work that is under way keeps its own share.
template <class Object>
class Handle {
 public:
  explicit Handle(std::shared_ptr<Object> object, std::int64_t bytes) : object_(std::move(object)), bytes_(bytes) {}

  static Napi::Value wrap(Napi::Env env, std::shared_ptr<Object> object, std::int64_t bytes) {
    auto handle = std::make_unique<Handle>(std::move(object), bytes);
    Napi::MemoryManagement::AdjustExternalMemory(env, bytes);
    auto external = Napi::External<Handle>::New(env, handle.get(), [](Napi::Env there, Handle* self) {
      self->dispose(there);
      delete self;
    });
    handle.release();
    return external;
  }

  static Handle& from(const Napi::Value& value) {
    if (!value.IsExternal()) throw Failure("bad-argument", "expected a native handle");
    return *value.As<Napi::External<Handle>>().Data();
  }

  static std::shared_ptr<Object> share(const Napi::Value& value) {
    const std::shared_ptr<Object>& object = from(value).object_;
    if (!object) throw Failure("disposed", "the native object was disposed");
    return object;
  }

  void dispose(Napi::Env env) {
    if (!object_) return;
    object_.reset();
    Napi::MemoryManagement::AdjustExternalMemory(env, -bytes_);
  }

 private:
  std::shared_ptr<Object> object_;
  std::int64_t bytes_;
};

/// Runs a verb and turns what it throws into a JavaScript error with a code.
template <Napi::Value (*verb)(const Napi::CallbackInfo&)>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return verb(info);
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw toError(info.Env(), describeCurrentException());
  }
}

}  // namespace mrt
