#include "convert.h"

#include <cstring>
#include <new>

namespace mrt {
namespace {

struct Dtype {
  ort::ElementType type;
  const char* name;
  napi_typedarray_type array;
};

constexpr Dtype kDtypes[] = {
    {ort::kFloat32, "float32", napi_float32_array},
    {ort::kInt32, "int32", napi_int32_array},
    {ort::kInt64, "int64", napi_bigint64_array},
    {ort::kBool, "bool", napi_uint8_array},
};

/// What parameters may be held in.
ort::ElementType heldType(const Napi::Value& value) {
  if (!value.IsString()) return ort::kFloat32;
  const std::string name = value.As<Napi::String>();
  if (name == "float16") return ort::kFloat16;
  if (name == "bfloat16") return ort::kBFloat16;
  if (name == "int4") return ort::kUint4;
  return ort::kFloat32;
}

const char* dtypeName(int type) {
  for (const Dtype& dtype : kDtypes) {
    if (dtype.type == type) return dtype.name;
  }
  return "other";
}

const std::uint8_t* bytesOf(const Napi::TypedArray& array) {
  return static_cast<const std::uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset();
}

Napi::TypedArray newArray(Napi::Env env, napi_typedarray_type type, std::size_t count, Napi::ArrayBuffer buffer) {
  napi_value array;
  if (napi_create_typedarray(env, type, count, buffer, 0, &array) != napi_ok) throw Napi::Error::New(env);
  return Napi::TypedArray(env, array);
}

}  // namespace

Failure describeCurrentException() {
  try {
    throw;
  } catch (const Failure& failure) {
    return failure;
  } catch (const std::bad_alloc&) {
    return Failure("out-of-memory", "not enough memory");
  } catch (const std::exception& error) {
    return Failure("internal", error.what());
  } catch (...) {
    return Failure("internal", "something that is not an exception was thrown");
  }
}

Napi::Error toError(Napi::Env env, const Failure& failure) {
  Napi::Error error = Napi::Error::New(env, failure.what());
  error.Set("code", Napi::String::New(env, failure.code));
  return error;
}

std::int64_t toInteger(const Napi::Value& value) { return value.As<Napi::Number>().Int64Value(); }

std::vector<std::int64_t> toDims(const Napi::Value& value) {
  const auto list = value.As<Napi::Array>();
  std::vector<std::int64_t> dims(list.Length());
  for (std::uint32_t i = 0; i < list.Length(); ++i) {
    dims[i] = toInteger(list.Get(i));
    if (dims[i] < 0) throw Failure("wrong-shape", "a dimension is negative");
  }
  return dims;
}

std::vector<std::string> toStrings(const Napi::Value& value) {
  const auto list = value.As<Napi::Array>();
  std::vector<std::string> strings;
  for (std::uint32_t i = 0; i < list.Length(); ++i) strings.push_back(Napi::Value(list.Get(i)).As<Napi::String>());
  return strings;
}

std::vector<std::int32_t> toInt32s(const Napi::Value& value) {
  const auto array = value.As<Napi::Int32Array>();
  return std::vector<std::int32_t>(array.Data(), array.Data() + array.ElementLength());
}

HostTensor toTensor(const Napi::Value& value) {
  const auto object = value.As<Napi::Object>();
  const std::string name = Napi::Value(object.Get("dtype")).As<Napi::String>();
  const auto array = Napi::Value(object.Get("data")).As<Napi::TypedArray>();
  HostTensor tensor;
  tensor.dims = toDims(object.Get("dims"));
  const std::size_t count = elementCount(tensor.dims);
  for (const Dtype& dtype : kDtypes) {
    if (name != dtype.name) continue;
    tensor.type = dtype.type;
    if (array.ElementLength() != count) throw Failure("wrong-shape", "a tensor's dims and data disagree");
    tensor.bytes.resize(count * elementBytes(tensor.type));
    if (count == 0) return tensor;
    if (array.TypedArrayType() == dtype.array) {
      std::memcpy(tensor.bytes.data(), bytesOf(array), tensor.bytes.size());
      return tensor;
    }
    if (dtype.type == ort::kInt64 && array.TypedArrayType() == napi_int32_array) {
      const std::int32_t* narrow = reinterpret_cast<const std::int32_t*>(bytesOf(array));
      std::int64_t* wide = reinterpret_cast<std::int64_t*>(tensor.bytes.data());
      for (std::size_t i = 0; i < count; ++i) wide[i] = narrow[i];
      return tensor;
    }
    break;
  }
  throw Failure("wrong-dtype", "a tensor's dtype and data disagree: " + name);
}

std::vector<NamedTensor> toTensors(const Napi::Value& value) {
  const auto record = value.As<Napi::Object>();
  std::vector<NamedTensor> tensors;
  for (const std::string& name : toStrings(record.GetPropertyNames())) tensors.push_back({name, toTensor(record.Get(name))});
  return tensors;
}

std::vector<ParameterSpec> toSpecs(const Napi::Value& value) {
  const auto list = value.As<Napi::Array>();
  std::vector<ParameterSpec> specs;
  for (std::uint32_t i = 0; i < list.Length(); ++i) {
    const auto record = Napi::Value(list.Get(i)).As<Napi::Object>();
    specs.push_back({Napi::Value(record.Get("name")).As<Napi::String>(), toDims(record.Get("dims")),
                     Napi::Value(record.Get("decay")).As<Napi::Boolean>().Value(), heldType(record.Get("dtype"))});
  }
  return specs;
}

Napi::Object fromTensor(Napi::Env env, const HostTensor& tensor) {
  Napi::Object object = Napi::Object::New(env);
  Napi::Array dims = Napi::Array::New(env, tensor.dims.size());
  for (std::uint32_t i = 0; i < tensor.dims.size(); ++i) dims.Set(i, static_cast<double>(tensor.dims[i]));
  for (const Dtype& dtype : kDtypes) {
    if (dtype.type != tensor.type) continue;
    Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, tensor.bytes.size());
    if (!tensor.bytes.empty()) std::memcpy(buffer.Data(), tensor.bytes.data(), tensor.bytes.size());
    object.Set("dtype", dtype.name);
    object.Set("dims", dims);
    object.Set("data", newArray(env, dtype.array, elementCount(tensor.dims), buffer));
  }
  return object;
}

Napi::Value fromPorts(Napi::Env env, const std::vector<Port>& ports, const Session& session) {
  Napi::Array list = Napi::Array::New(env, ports.size());
  for (std::uint32_t i = 0; i < ports.size(); ++i) {
    const Port& port = ports[i];
    Napi::Object record = Napi::Object::New(env);
    Napi::Array dims = Napi::Array::New(env, port.dims.size());
    for (std::uint32_t d = 0; d < port.dims.size(); ++d) {
      if (port.dims[d] >= 0) {
        dims.Set(d, static_cast<double>(port.dims[d]));
      } else {
        dims.Set(d, port.symbols[d].empty() ? "?" : port.symbols[d]);
      }
    }
    record.Set("name", port.name);
    record.Set("dtype", dtypeName(port.type));
    record.Set("dims", dims);
    record.Set("bound", session.bound(port.name));
    list.Set(i, record);
  }
  return list;
}

Napi::Float32Array fromFloats(Napi::Env env, const float* values, std::size_t count) {
  Napi::Float32Array array = Napi::Float32Array::New(env, count);
  if (count > 0) std::memcpy(array.Data(), values, count * sizeof(float));
  return array;
}

Napi::Int32Array fromInt32s(Napi::Env env, const std::vector<std::int32_t>& values) {
  Napi::Int32Array array = Napi::Int32Array::New(env, values.size());
  if (!values.empty()) std::memcpy(array.Data(), values.data(), values.size() * sizeof(std::int32_t));
  return array;
}

std::function<void()> useForReading(const std::shared_ptr<ParameterSet>& set) {
  if (!set) return [] {};
  if (set->writers > 0) throw Failure("busy", "a training step is changing these parameters");
  set->readers++;
  return [set] { set->readers--; };
}

std::function<void()> useForWriting(const std::shared_ptr<ParameterSet>& set) {
  if (set->writers > 0) throw Failure("busy", "another training step is changing these parameters");
  if (set->readers > 0) throw Failure("busy", "a running model is reading these parameters");
  set->writers++;
  set->changes++;
  return [set] { set->writers--; };
}

}  // namespace mrt
