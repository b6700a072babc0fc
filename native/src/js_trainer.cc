#include "convert.h"
#include "job.h"
#include "js_verbs.h"
#include "layered.h"
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

template <class Kind>
std::shared_ptr<Kind> shareTrainer(const Napi::Value& value) {
  const auto trainer = Handle<Trainer>::share(value);
  if (trainer->kind() != Kind::kKind) throw Failure("bad-argument", "this trainer takes another kind of step");
  return std::static_pointer_cast<Kind>(trainer);
}

Napi::Value wrapTrainer(Napi::Env env, std::shared_ptr<Trainer> trainer) {
  const auto bytes = static_cast<std::int64_t>(trainer->bytes());
  return Handle<Trainer>::wrap(env, std::move(trainer), bytes);
}

/// Runs a step of a trainer in a job.
template <class Kind>
Napi::Value startStep(const Napi::CallbackInfo& info, const std::shared_ptr<Kind>& trainer, const std::shared_ptr<typename Kind::Work>& work,
                      const Napi::Value& listener) {
  JobPlan<Trainer::Result> plan;
  plan.control = std::make_shared<Control>(*trainer->runtime());
  plan.release = work->apply ? useForWriting(trainer->parameters()) : useForReading(trainer->parameters());
  plan.work = [trainer, work](Control& control) { return trainer->step(*work, control); };
  plan.convert = [trainer, names = work->outputs](Napi::Env env, Trainer::Result& result) {
    return fromResult(env, result, *trainer, names);
  };
  if (!listener.IsUndefined()) plan.listener = listener.As<Napi::Function>();
  return startJob(info.Env(), std::move(plan));
}

template <class Record, class Convert>
std::vector<Record> toList(const Napi::Value& value, Convert convert) {
  const auto list = value.As<Napi::Array>();
  std::vector<Record> records;
  for (std::uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::HandleScope scope(value.Env());
    records.push_back(convert(Napi::Value(list.Get(i)).As<Napi::Object>()));
  }
  return records;
}

Operand toOperand(const Napi::Object& record) {
  Operand operand;
  operand.port = Napi::Value(record.Get("port")).As<Napi::String>();
  operand.value = Napi::Value(record.Get("value")).As<Napi::String>();
  const Napi::Value rows = record.Get("rows");
  if (!rows.IsUndefined()) {
    operand.from = toInteger(record.Get("from"));
    operand.rows = toInteger(rows);
  }
  return operand;
}

Run toRun(const Napi::Object& record) {
  Run run;
  run.session = static_cast<std::size_t>(toInteger(record.Get("session")));
  run.inputs = toList<Operand>(record.Get("inputs"), toOperand);
  run.weights = toList<Operand>(record.Get("weights"), toOperand);
  run.outputs = toList<Operand>(record.Get("outputs"), toOperand);
  run.gradients = toList<Operand>(record.Get("gradients"), toOperand);
  run.drops = toStrings(record.Get("drops"));
  return run;
}

LayeredTrainer::Microbatch toMicrobatch(const Napi::Object& record) {
  LayeredTrainer::Microbatch batch;
  batch.feeds = toTensors(record.Get("feeds"));
  batch.rooms = toList<Room>(record.Get("rooms"), [](const Napi::Object& room) -> Room {
    return {Napi::Value(room.Get("name")).As<Napi::String>(), toDims(room.Get("dims"))};
  });
  batch.runs = toList<Run>(record.Get("runs"), toRun);
  return batch;
}

}  // namespace

/// (runtime, model bytes, session options, parameters, gradient prefix) -> {promise of a trainer, cancel}
Napi::Value createTrainer(const Napi::CallbackInfo& info) {
  const std::string prefix = info[4].As<Napi::String>();
  JobPlan<std::shared_ptr<Trainer>> plan;
  plan.control = std::make_shared<Control>(*Handle<Runtime>::share(info[0]));
  plan.work = [load = sessionLoader(info), prefix](Control& control) { return std::make_shared<GraphTrainer>(load(control), prefix); };
  plan.convert = [](Napi::Env env, std::shared_ptr<Trainer>& trainer) { return wrapTrainer(env, std::move(trainer)); };
  return startJob(info.Env(), std::move(plan));
}

/// (runtime, bytes of each model, session options, parameters, names of what trains) -> {promise of a trainer, cancel}
Napi::Value createLayeredTrainer(const Napi::CallbackInfo& info) {
  const auto runtime = Handle<Runtime>::share(info[0]);
  const auto parameters = Handle<ParameterSet>::share(info[3]);
  const auto list = info[1].As<Napi::Array>();
  const auto models = std::make_shared<std::vector<std::vector<std::uint8_t>>>();
  for (std::uint32_t i = 0; i < list.Length(); ++i) {
    const auto bytes = Napi::Value(list.Get(i)).As<Napi::Uint8Array>();
    models->emplace_back(bytes.Data(), bytes.Data() + bytes.ElementLength());
  }
  JobPlan<std::shared_ptr<Trainer>> plan;
  plan.control = std::make_shared<Control>(*runtime);
  plan.work = [runtime, models, options = toSessionOptions(info[2]), parameters, trained = toStrings(info[4])](Control&) {
    std::vector<std::unique_ptr<Session>> sessions;
    for (const auto& model : *models) sessions.push_back(std::make_unique<Session>(runtime, model.data(), model.size(), options, nullptr));
    return std::make_shared<LayeredTrainer>(runtime, std::move(sessions), parameters, trained);
  };
  plan.convert = [](Napi::Env env, std::shared_ptr<Trainer>& trainer) { return wrapTrainer(env, std::move(trainer)); };
  return startJob(info.Env(), std::move(plan));
}

Napi::Value disposeTrainer(const Napi::CallbackInfo& info) {
  Handle<Trainer>::from(info[0]).dispose(info.Env());
  return info.Env().Undefined();
}

Napi::Value describeTrainer(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto trainer = Handle<Trainer>::share(info[0]);
  Napi::Array trained = Napi::Array::New(env);
  for (const Layout::Slice& slice : trainer->trained().slices()) {
    Napi::Object record = Napi::Object::New(env);
    record.Set("name", slice.name);
    record.Set("elements", static_cast<double>(slice.count));
    trained.Set(trained.Length(), record);
  }
  Napi::Object record = Napi::Object::New(env);
  if (const Session* graph = trainer->graph()) {
    record.Set("inputs", fromPorts(env, graph->inputs(), *graph));
    record.Set("outputs", fromPorts(env, graph->outputs(), *graph));
  }
  record.Set("trained", trained);
  record.Set("bytes", static_cast<double>(trainer->bytes()));
  return record;
}

/// (trainer, micro-batches, output names, optimizer, apply, progress listener or undefined) -> {promise of a result, cancel}
Napi::Value trainStep(const Napi::CallbackInfo& info) {
  const auto trainer = shareTrainer<GraphTrainer>(info[0]);
  const auto work = std::make_shared<GraphTrainer::Work>();
  const auto microbatches = info[1].As<Napi::Array>();
  for (std::uint32_t i = 0; i < microbatches.Length(); ++i) {
    const Napi::HandleScope scope(info.Env());
    work->microbatches.push_back(toTensors(microbatches.Get(i)));
  }
  work->outputs = toStrings(info[2]);
  work->optimizer = toOptimizer(info[3].As<Napi::Object>());
  work->apply = info[4].As<Napi::Boolean>().Value();
  return startStep(info, trainer, work, info[5]);
}

/// (trainer, micro-batches as {feeds, rooms, runs}, value names, optimizer, apply, progress listener or undefined)
Napi::Value layeredStep(const Napi::CallbackInfo& info) {
  const auto trainer = shareTrainer<LayeredTrainer>(info[0]);
  const auto work = std::make_shared<LayeredTrainer::Work>();
  work->microbatches = toList<LayeredTrainer::Microbatch>(info[1], toMicrobatch);
  work->outputs = toStrings(info[2]);
  work->optimizer = toOptimizer(info[3].As<Napi::Object>());
  work->apply = info[4].As<Napi::Boolean>().Value();
  return startStep(info, trainer, work, info[5]);
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
