#include "convert.h"
#include "job.h"
#include "js_verbs.h"
#include "train.h"

namespace mrt::js {
namespace {

double number(const Napi::Object& record, const char* name) { return Napi::Value(record.Get(name)).As<Napi::Number>().DoubleValue(); }

AdamW toOptimizer(const Napi::Object& record) {
  AdamW rule;
  rule.lr = number(record, "lr");
  rule.beta1 = number(record, "beta1");
  rule.beta2 = number(record, "beta2");
  rule.eps = number(record, "eps");
  rule.weightDecay = number(record, "weightDecay");
  rule.clipNorm = number(record, "clipNorm");
  return rule;
}

const char* outcomeName(Trainer::Outcome outcome) {
  switch (outcome) {
    case Trainer::Outcome::kApplied: return "applied";
    case Trainer::Outcome::kGradientsOnly: return "gradients-only";
    case Trainer::Outcome::kNonfiniteLoss: return "nonfinite-loss";
    case Trainer::Outcome::kNonfiniteGradient: return "nonfinite-gradient";
  }
  return "applied";
}

Napi::Value fromResult(Napi::Env env, const Trainer::Result& result, const Trainer& trainer, const std::vector<std::string>& names) {
  Napi::Array outputs = Napi::Array::New(env, result.outputs.size());
  for (std::uint32_t i = 0; i < result.outputs.size(); ++i) {
    const Napi::HandleScope scope(env);
    Napi::Object record = Napi::Object::New(env);
    for (std::size_t j = 0; j < names.size(); ++j) record.Set(names[j], fromTensor(env, result.outputs[i][j]));
    outputs.Set(i, record);
  }
  Napi::Object norms = Napi::Object::New(env);
  const auto& slices = trainer.trained().slices();
  for (std::size_t i = 0; i < slices.size(); ++i) norms.Set(slices[i].name, result.gradNorms[i]);
  Napi::Object record = Napi::Object::New(env);
  record.Set("outputs", outputs);
  record.Set("gradNorm", result.gradNorm);
  record.Set("gradNorms", norms);
  record.Set("clipped", result.clipped);
  record.Set("outcome", outcomeName(result.outcome));
  record.Set("step", static_cast<double>(result.step));
  return record;
}

Napi::Float32Array packed(Napi::Env env, const Trainer& trainer, const float* block) {
  Napi::Float32Array dense = Napi::Float32Array::New(env, trainer.trained().elements());
  trainer.trained().pack(block, dense.Data());
  return dense;
}

const float* requireMoments(const Napi::Value& value, const Trainer& trainer) {
  const auto array = value.As<Napi::Float32Array>();
  if (array.ElementLength() != trainer.trained().elements()) throw Failure("wrong-shape", "the moments belong to another model");
  return array.Data();
}

}  // namespace

/// (runtime, model bytes, session options, parameters, gradient prefix) -> {promise of a trainer, cancel}
Napi::Value createTrainer(const Napi::CallbackInfo& info) {
  const std::string prefix = info[4].As<Napi::String>();
  JobPlan<std::shared_ptr<Trainer>> plan;
  plan.control = std::make_shared<Control>(*Handle<Runtime>::share(info[0]));
  plan.work = [load = sessionLoader(info), prefix](Control& control) { return std::make_shared<Trainer>(load(control), prefix); };
  plan.convert = [](Napi::Env env, std::shared_ptr<Trainer>& trainer) {
    const auto bytes = static_cast<std::int64_t>(trainer->bytes());
    return Handle<Trainer>::wrap(env, std::move(trainer), bytes);
  };
  return startJob(info.Env(), std::move(plan));
}

Napi::Value disposeTrainer(const Napi::CallbackInfo& info) {
  Handle<Trainer>::from(info[0]).dispose(info.Env());
  return info.Env().Undefined();
}

Napi::Value describeTrainer(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto trainer = Handle<Trainer>::share(info[0]);
  const Session& session = *trainer->session();
  Napi::Array trained = Napi::Array::New(env);
  for (const Layout::Slice& slice : trainer->trained().slices()) {
    Napi::Object record = Napi::Object::New(env);
    record.Set("name", slice.name);
    record.Set("elements", static_cast<double>(slice.count));
    trained.Set(trained.Length(), record);
  }
  Napi::Object record = Napi::Object::New(env);
  record.Set("inputs", fromPorts(env, session.inputs(), session));
  record.Set("outputs", fromPorts(env, session.outputs(), session));
  record.Set("trained", trained);
  record.Set("bytes", static_cast<double>(trainer->bytes()));
  return record;
}

/// (trainer, micro-batches, output names, optimizer, apply, progress listener or undefined) -> {promise of a result, cancel}
Napi::Value trainStep(const Napi::CallbackInfo& info) {
  const auto trainer = Handle<Trainer>::share(info[0]);
  const auto work = std::make_shared<Trainer::Work>();
  const auto microbatches = info[1].As<Napi::Array>();
  for (std::uint32_t i = 0; i < microbatches.Length(); ++i) {
    const Napi::HandleScope scope(info.Env());
    work->microbatches.push_back(toTensors(microbatches.Get(i)));
  }
  work->outputs = toStrings(info[2]);
  work->optimizer = toOptimizer(info[3].As<Napi::Object>());
  work->apply = info[4].As<Napi::Boolean>().Value();
  JobPlan<Trainer::Result> plan;
  plan.control = std::make_shared<Control>(*trainer->session()->runtime());
  const auto& parameters = trainer->session()->parameters();
  plan.release = work->apply ? useForWriting(parameters) : useForReading(parameters);
  plan.work = [trainer, work](Control& control) { return trainer->step(*work, control); };
  plan.convert = [trainer, names = work->outputs](Napi::Env env, Trainer::Result& result) {
    return fromResult(env, result, *trainer, names);
  };
  if (!info[5].IsUndefined()) plan.listener = info[5].As<Napi::Function>();
  return startJob(info.Env(), std::move(plan));
}

Napi::Value trainerGradients(const Napi::CallbackInfo& info) {
  const auto trainer = Handle<Trainer>::share(info[0]);
  return packed(info.Env(), *trainer, trainer->gradients());
}

Napi::Value trainerState(const Napi::CallbackInfo& info) {
  const auto trainer = Handle<Trainer>::share(info[0]);
  Napi::Object record = Napi::Object::New(info.Env());
  record.Set("step", static_cast<double>(trainer->steps()));
  record.Set("m", packed(info.Env(), *trainer, trainer->first()));
  record.Set("v", packed(info.Env(), *trainer, trainer->second()));
  return record;
}

/// (trainer, step, m, v)
Napi::Value loadTrainerState(const Napi::CallbackInfo& info) {
  const auto trainer = Handle<Trainer>::share(info[0]);
  const float* first = requireMoments(info[2], *trainer);
  const float* second = requireMoments(info[3], *trainer);
  trainer->trained().unpack(first, trainer->first());
  trainer->trained().unpack(second, trainer->second());
  trainer->setSteps(toInteger(info[1]));
  return info.Env().Undefined();
}

}  // namespace mrt::js
