#include <cstdio>
#include <cstring>

#include "convert.h"
#include "js_verbs.h"
#include "parameters.h"

namespace mrt::js {
namespace {

/// Weights may be read while models read them, and changed only while nothing uses them.
void requireNoWriter(const ParameterSet& set) {
  if (set.writers > 0) throw Failure("busy", "a training step is changing these parameters");
}

void beginChange(ParameterSet& set) {
  requireNoWriter(set);
  if (set.readers > 0) throw Failure("busy", "a running model is reading these parameters");
  set.changes++;
}

std::shared_ptr<ParameterSet> shareSet(const Napi::Value& value) { return Handle<ParameterSet>::share(value); }

const Layout::Slice& requireSlice(const ParameterSet& set, const Napi::Value& name) {
  const std::string text = name.As<Napi::String>();
  const Layout::Slice* slice = set.layout()->find(text);
  if (!slice) throw Failure("unknown-name", "there is no parameter " + text);
  return *slice;
}

void requireSameLayout(const ParameterSet& a, const ParameterSet& b) {
  const auto& left = a.layout()->slices();
  const auto& right = b.layout()->slices();
  bool same = left.size() == right.size();
  for (std::size_t i = 0; same && i < left.size(); ++i) same = left[i].name == right[i].name && left[i].dims == right[i].dims && left[i].type == right[i].type;
  if (!same) throw Failure("wrong-shape", "the two parameter sets hold different tensors");
}

const float* requireFloats(const Napi::Value& value, std::size_t count) {
  const auto array = value.As<Napi::Float32Array>();
  if (array.ElementLength() != count) {
    throw Failure("wrong-shape", "expected " + std::to_string(count) + " numbers, found " + std::to_string(array.ElementLength()));
  }
  return array.Data();
}

Napi::Value wrapSet(Napi::Env env, std::shared_ptr<ParameterSet> set) {
  const auto bytes = static_cast<std::int64_t>(set->bytes());
  return Handle<ParameterSet>::wrap(env, std::move(set), bytes);
}

}  // namespace

Napi::Value createParameters(const Napi::CallbackInfo& info) {
  return wrapSet(info.Env(), std::make_shared<ParameterSet>(std::make_shared<const Layout>(toSpecs(info[0]))));
}

Napi::Value disposeParameters(const Napi::CallbackInfo& info) {
  Handle<ParameterSet>::from(info[0]).dispose(info.Env());
  return info.Env().Undefined();
}

Napi::Value setParameter(const Napi::CallbackInfo& info) {
  const auto set = shareSet(info[0]);
  const Layout::Slice& slice = requireSlice(*set, info[1]);
  set->expectFree(&slice);
  beginChange(*set);
  Layout::write(slice, requireFloats(info[2], slice.count), set->data());
  return info.Env().Undefined();
}

Napi::Value getParameter(const Napi::CallbackInfo& info) {
  const auto set = shareSet(info[0]);
  requireNoWriter(*set);
  const Layout::Slice& slice = requireSlice(*set, info[1]);
  Napi::Float32Array values = Napi::Float32Array::New(info.Env(), slice.count);
  Layout::read(slice, set->data(), values.Data());
  return values;
}

Napi::Value snapshotParameters(const Napi::CallbackInfo& info) {
  const auto set = shareSet(info[0]);
  requireNoWriter(*set);
  Napi::Float32Array dense = Napi::Float32Array::New(info.Env(), set->layout()->elements());
  set->layout()->pack(set->data(), dense.Data());
  return dense;
}

Napi::Value loadParameters(const Napi::CallbackInfo& info) {
  const auto set = shareSet(info[0]);
  set->expectFree(nullptr);
  beginChange(*set);
  set->layout()->unpack(requireFloats(info[1], set->layout()->elements()), set->data());
  return info.Env().Undefined();
}

Napi::Value copyParameters(const Napi::CallbackInfo& info) {
  const auto set = shareSet(info[0]);
  const auto other = shareSet(info[1]);
  set->expectFree(nullptr);
  beginChange(*set);
  requireNoWriter(*other);
  requireSameLayout(*set, *other);
  if (set != other) set->copyFrom(*other);
  return info.Env().Undefined();
}

Napi::Value lerpParameters(const Napi::CallbackInfo& info) {
  const auto set = shareSet(info[0]);
  const auto other = shareSet(info[1]);
  set->expectFree(nullptr);
  beginChange(*set);
  requireNoWriter(*other);
  requireSameLayout(*set, *other);
  set->lerpFrom(*other, info[2].As<Napi::Number>().FloatValue());
  return info.Env().Undefined();
}

Napi::Value cloneParameters(const Napi::CallbackInfo& info) {
  const auto set = shareSet(info[0]);
  requireNoWriter(*set);
  auto copy = std::make_shared<ParameterSet>(set->layout());
  copy->copyFrom(*set);
  return wrapSet(info.Env(), std::move(copy));
}

Napi::Value checksumParameters(const Napi::CallbackInfo& info) {
  const auto set = shareSet(info[0]);
  requireNoWriter(*set);
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(set->checksum()));
  return Napi::String::New(info.Env(), text);
}

Napi::Value parametersChanges(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(shareSet(info[0])->changes));
}

Napi::Value parametersBytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(shareSet(info[0])->bytes()));
}

}  // namespace mrt::js
