#include <algorithm>

#include "convert.h"
#include "job.h"
#include "js_verbs.h"
#include "machine.h"
#include "sample.h"
#include "session.h"

namespace mrt::js {

Session::Options toSessionOptions(const Napi::Value& value) {
  const auto record = value.As<Napi::Object>();
  const std::string device = Napi::Value(record.Get("device")).As<Napi::String>();
  Session::Options options;
  options.device = device == "webgpu" ? Device::kWebGpu : device == "cuda" ? Device::kCuda : Device::kCpu;
  if (record.Has("fixed")) options.fixed = toStrings(record.Get("fixed"));
  if (record.Has("relaid")) options.hold = !Napi::Value(record.Get("relaid")).As<Napi::Boolean>().Value();
  if (record.Has("libraries")) options.libraries = toStrings(record.Get("libraries"));
  options.optimization = static_cast<ort::OptimizationLevel>(toInteger(record.Get("optimization")));
  return options;
}

std::function<std::shared_ptr<Session>(Control&)> sessionLoader(const Napi::CallbackInfo& info) {
  const auto bytes = info[1].As<Napi::Uint8Array>();
  auto model = std::make_shared<std::vector<std::uint8_t>>(bytes.Data(), bytes.Data() + bytes.ElementLength());
  std::shared_ptr<ParameterSet> parameters;
  if (!info[3].IsUndefined()) parameters = Handle<ParameterSet>::share(info[3]);
  return [runtime = Handle<Runtime>::share(info[0]), model, options = toSessionOptions(info[2]), parameters](Control&) {
    return std::make_shared<Session>(runtime, model->data(), model->size(), options, parameters);
  };
}

Napi::Value openRuntime(const Napi::CallbackInfo& info) {
  const auto record = info[0].As<Napi::Object>();
  Runtime::Options options;
  options.library = Napi::Value(record.Get("library")).As<Napi::String>();
  options.version = Napi::Value(record.Get("version")).As<Napi::String>();
  options.threads = static_cast<int>(toInteger(record.Get("threads")));
  return Handle<Runtime>::wrap(info.Env(), std::make_shared<Runtime>(options), 0);
}

Napi::Value disposeRuntime(const Napi::CallbackInfo& info) {
  Handle<Runtime>::from(info[0]).dispose(info.Env());
  return info.Env().Undefined();
}

Napi::Value describeRuntime(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto runtime = Handle<Runtime>::share(info[0]);
  const std::vector<std::string> providers = runtime->providers();
  Napi::Array names = Napi::Array::New(env, providers.size());
  for (std::uint32_t i = 0; i < providers.size(); ++i) names.Set(i, providers[i]);
  Napi::Object record = Napi::Object::New(env);
  record.Set("version", runtime->version());
  record.Set("providers", names);
  record.Set("threads", runtime->threads());
  record.Set("peakResidentBytes", peakResidentBytes());
  return record;
}

/// (key low, key high, four counter words) -> four words
Napi::Value philoxBlock(const Napi::CallbackInfo& info) {
  const auto word = [&](std::size_t i) { return info[i].As<Napi::Number>().Uint32Value(); };
  const auto words = philox4x32({word(0), word(1)}, {word(2), word(3), word(4), word(5)});
  Napi::Uint32Array block = Napi::Uint32Array::New(info.Env(), words.size());
  std::copy(words.begin(), words.end(), block.Data());
  return block;
}

Napi::Value createSession(const Napi::CallbackInfo& info) {
  JobPlan<std::shared_ptr<Session>> plan;
  plan.control = std::make_shared<Control>(*Handle<Runtime>::share(info[0]));
  plan.work = sessionLoader(info);
  plan.convert = [](Napi::Env env, std::shared_ptr<Session>& session) { return Handle<Session>::wrap(env, std::move(session), 0); };
  return startJob(info.Env(), std::move(plan));
}

Napi::Value disposeSession(const Napi::CallbackInfo& info) {
  Handle<Session>::from(info[0]).dispose(info.Env());
  return info.Env().Undefined();
}

Napi::Value describeSession(const Napi::CallbackInfo& info) {
  const auto session = Handle<Session>::share(info[0]);
  Napi::Object record = Napi::Object::New(info.Env());
  record.Set("inputs", fromPorts(info.Env(), session->inputs(), *session));
  record.Set("outputs", fromPorts(info.Env(), session->outputs(), *session));
  return record;
}

/// (session, feeds, output names) -> {promise of a record of tensors, cancel}
Napi::Value runSession(const Napi::CallbackInfo& info) {
  const auto session = Handle<Session>::share(info[0]);
  auto feeds = std::make_shared<std::vector<NamedTensor>>(toTensors(info[1]));
  const auto names = std::make_shared<std::vector<std::string>>(toStrings(info[2]));
  JobPlan<std::vector<HostTensor>> plan;
  plan.control = std::make_shared<Control>(*session->runtime());
  plan.work = [session, feeds, names](Control& control) { return session->run(*feeds, *names, control); };
  plan.convert = [names](Napi::Env env, std::vector<HostTensor>& tensors) {
    Napi::Object record = Napi::Object::New(env);
    for (std::size_t i = 0; i < tensors.size(); ++i) record.Set((*names)[i], fromTensor(env, tensors[i]));
    return record;
  };
  plan.release = useForReading(session->parameters());
  return startJob(info.Env(), std::move(plan));
}

}  // namespace mrt::js
