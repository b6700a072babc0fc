#include <algorithm>

#include "convert.h"
#include "decode.h"
#include "job.h"
#include "js_verbs.h"
#include "sample.h"

namespace mrt::js {

namespace {

std::int32_t integer(const Napi::Object& record, const char* name) { return static_cast<std::int32_t>(toInteger(record.Get(name))); }
double number(const Napi::Object& record, const char* name) { return Napi::Value(record.Get(name)).As<Napi::Number>().DoubleValue(); }

SamplingRule toSampling(const Napi::Object& record) {
  SamplingRule rule;
  rule.temperature = number(record, "temperature");
  rule.topK = integer(record, "topK");
  rule.topP = number(record, "topP");
  rule.minP = number(record, "minP");
  rule.greedy = Napi::Value(record.Get("greedy")).As<Napi::Boolean>().Value();
  return rule;
}

Request toRequest(const Napi::Object& record) {
  Request request;
  request.source = static_cast<std::size_t>(toInteger(record.Get("source")));
  request.length = integer(record, "length");
  request.suffix = toInt32s(record.Get("suffix"));
  const auto seed = Napi::Value(record.Get("seed")).As<Napi::Array>();
  for (std::uint32_t i = 0; i < 2; ++i) request.key[i] = Napi::Value(seed.Get(i)).As<Napi::Number>().Uint32Value();
  request.maxNewTokens = integer(record, "maxNewTokens");
  request.stopTokens = toInt32s(record.Get("stopTokens"));
  request.sampling = toSampling(record);
  request.prefixThinkingTokens = integer(record, "prefixThinkingTokens");
  request.keep = Napi::Value(record.Get("keep")).As<Napi::Boolean>().Value();
  const Napi::Value thinking = record.Get("thinking");
  if (thinking.IsObject()) {
    const auto rule = thinking.As<Napi::Object>();
    const auto closers = Napi::Value(rule.Get("closers")).As<Napi::Array>();
    ThinkingRule& into = request.thinking.emplace();
    for (std::uint32_t i = 0; i < closers.Length(); ++i) into.closers.push_back(toInt32s(closers.Get(i)));
    into.endTokens = toInt32s(rule.Get("endTokens"));
    into.budget = integer(rule, "budget");
    into.answerTokens = integer(rule, "answerTokens");
    into.minimum = integer(rule, "minimum");
    into.extendTokens = toInt32s(rule.Get("extendTokens"));
    into.answerStops = toInt32s(rule.Get("answerStops"));
  }
  return request;
}

Decoder::Work toWork(const Napi::Value& sources, const Napi::Value& requests) {
  Decoder::Work work;
  const auto sequences = sources.As<Napi::Array>();
  for (std::uint32_t i = 0; i < sequences.Length(); ++i) work.sources.push_back(toInt32s(sequences.Get(i)));
  const auto list = requests.As<Napi::Array>();
  work.requests.reserve(list.Length());
  for (std::uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::HandleScope scope(sources.Env());
    work.requests.push_back(toRequest(Napi::Value(list.Get(i)).As<Napi::Object>()));
  }
  return work;
}

const char* finishName(Finish finish) {
  switch (finish) {
    case Finish::kStop: return "stop";
    case Finish::kLength: return "length";
    case Finish::kCancelled: return "cancelled";
    case Finish::kNonfinite: return "nonfinite";
  }
  return "cancelled";
}

Napi::Object fromCompletion(Napi::Env env, const Completion& completion, const Buffer<float>& kept) {
  Napi::Object record = Napi::Object::New(env);
  Napi::Uint8Array sampled = Napi::Uint8Array::New(env, completion.sampled.size());
  std::copy(completion.sampled.begin(), completion.sampled.end(), sampled.Data());
  record.Set("tokens", fromInt32s(env, completion.tokens));
  record.Set("logps", fromFloats(env, completion.logps.data(), completion.logps.size()));
  record.Set("samplingLogps", fromFloats(env, completion.samplingLogps.data(), completion.samplingLogps.size()));
  record.Set("sampled", sampled);
  record.Set("finish", finishName(completion.finish));
  if (completion.kept > 0) record.Set("cache", fromFloats(env, kept.data() + completion.keptAt, completion.kept));
  return record;
}

}  // namespace

/// (runtime, model bytes, session options, parameters, shape) -> {promise of a decoder, cancel}
Napi::Value createDecoder(const Napi::CallbackInfo& info) {
  const auto record = info[4].As<Napi::Object>();
  Decoder::Shape shape;
  shape.cache = {integer(record, "layers"), integer(record, "kvHeads"), integer(record, "headDim"), integer(record, "maxLength")};
  shape.vocabulary = integer(record, "vocabulary");
  shape.rows = integer(record, "rows");
  JobPlan<std::shared_ptr<Decoder>> plan;
  plan.control = std::make_shared<Control>(*Handle<Runtime>::share(info[0]));
  const bool relaid = !toSessionOptions(info[2]).hold;
  plan.work = [load = sessionLoader(info), relaid, shape](Control& control) { return std::make_shared<Decoder>(load, relaid, shape, control); };
  plan.convert = [](Napi::Env env, std::shared_ptr<Decoder>& decoder) {
    const auto bytes = static_cast<std::int64_t>(decoder->bytes());
    return Handle<Decoder>::wrap(env, std::move(decoder), bytes);
  };
  return startJob(info.Env(), std::move(plan));
}

Napi::Value disposeDecoder(const Napi::CallbackInfo& info) {
  Handle<Decoder>::from(info[0]).dispose(info.Env());
  return info.Env().Undefined();
}

Napi::Value forgetDecoder(const Napi::CallbackInfo& info) {
  Handle<Decoder>::share(info[0])->forget();
  return info.Env().Undefined();
}

Napi::Value decoderBytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(Handle<Decoder>::share(info[0])->bytes()));
}

/// (decoder, sources, requests, progress listener or undefined, bytes of keys and values to keep) -> {promise of completions, cancel}
Napi::Value generate(const Napi::CallbackInfo& info) {
  const auto decoder = Handle<Decoder>::share(info[0]);
  const auto work = std::make_shared<Decoder::Work>(toWork(info[1], info[2]));
  work->keepBytes = static_cast<std::size_t>(toInteger(info[4]));
  JobPlan<Generated> plan;
  plan.control = std::make_shared<Control>(*decoder->runtime());
  plan.release = useForReading(decoder->parameters());
  plan.work = [decoder, work, changes = decoder->parameters()->changes](Control& control) { return decoder->generate(*work, changes, control); };
  plan.convert = [](Napi::Env env, Generated& generated) {
    const std::vector<Completion>& completions = generated.completions;
    Napi::Array list = Napi::Array::New(env, completions.size());
    for (std::uint32_t i = 0; i < completions.size(); ++i) list.Set(i, fromCompletion(env, completions[i], generated.kept));
    return list;
  };
  if (!info[3].IsUndefined()) plan.listener = info[3].As<Napi::Function>();
  return startJob(info.Env(), std::move(plan));
}

/// (logits, sampling rule, key low, key high, first index, draws) -> {finite, tokens, logps, samplingLogps}: the sampler
/// alone, over one row of logits, drawn at consecutive indices.
Napi::Value drawTokens(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto logits = info[0].As<Napi::Float32Array>();
  const SamplingRule rule = toSampling(info[1].As<Napi::Object>());
  const std::array<std::uint32_t, 2> key{info[2].As<Napi::Number>().Uint32Value(), info[3].As<Napi::Number>().Uint32Value()};
  const std::int64_t first = toInteger(info[4]);
  const std::int64_t draws = toInteger(info[5]);
  Distribution distribution;
  const bool finite = distribution.prepare(logits.Data(), logits.ElementLength(), rule);
  std::vector<std::int32_t> tokens;
  std::vector<float> logps;
  std::vector<float> samplingLogps;
  for (std::int64_t i = 0; finite && i < draws; ++i) {
    tokens.push_back(distribution.draw(uniformAt(key, static_cast<std::uint64_t>(first + i), 0)));
    logps.push_back(static_cast<float>(distribution.logp(tokens.back())));
    samplingLogps.push_back(static_cast<float>(distribution.samplingLogp(tokens.back())));
  }
  Napi::Object record = Napi::Object::New(env);
  record.Set("finite", finite);
  record.Set("tokens", fromInt32s(env, tokens));
  record.Set("logps", fromFloats(env, logps.data(), logps.size()));
  record.Set("samplingLogps", fromFloats(env, samplingLogps.data(), samplingLogps.size()));
  return record;
}

}  // namespace mrt::js
