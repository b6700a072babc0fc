#include "attention_op.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "attention.h"
#include "failure.h"

namespace mrt {
namespace {

enum Input : std::size_t { kQuery, kKey, kValue, kPastKey, kPastValue, kLast, kTotal, kCosines, kSines, kInputs };
enum Output : std::size_t { kOut, kPresentKey, kPresentValue, kOutputs };

/// One node of a graph.
class Kernel {
 public:
  Kernel(const ort::Api& api, const ort::KernelInfo* info) : api_(api), heads_(integer(info, "num_heads")), kvHeads_(integer(info, "kv_num_heads")) {
    check(api_.KernelInfoGetAttribute_float(info, "scale", &scale_));
  }

  void compute(ort::KernelContext* context) const {
    const std::vector<std::int64_t> shape = dimsOf(input(context, kQuery));
    const std::vector<std::int64_t> cache = dimsOf(input(context, kPastKey));
    Attention work;
    work.rows = static_cast<std::size_t>(shape[0]);
    work.width = static_cast<std::size_t>(shape[1]);
    work.heads = heads_;
    work.kvHeads = kvHeads_;
    work.headDim = static_cast<std::size_t>(cache[3]);
    work.capacity = static_cast<std::size_t>(cache[2]);
    work.scale = scale_;
    work.query = data<float>(input(context, kQuery));
    work.key = data<float>(input(context, kKey));
    work.value = data<float>(input(context, kValue));
    work.last = data<std::int32_t>(input(context, kLast));
    work.cosines = data<float>(input(context, kCosines));
    work.sines = data<float>(input(context, kSines));
    const std::int64_t positions = dimsOf(input(context, kCosines))[0];
    const std::int64_t furthest = std::min(cache[2], positions);
    for (std::size_t row = 0; row < work.rows; ++row) {
      if (work.last[row] >= furthest || work.last[row] + 1 < shape[1]) {
        throw Failure("runtime", "a row ends at position " + std::to_string(work.last[row]) + " with " + std::to_string(shape[1]) +
                                     " new tokens; there are " + std::to_string(furthest) + " positions");
      }
    }
    work.out = output(context, kOut, shape);
    work.keys = extended(context, kPastKey, kPresentKey, cache);
    work.values = extended(context, kPastValue, kPresentValue, cache);
    if (work.appendsFirst()) work.append();
    const auto part = [](void* data, std::size_t index) { static_cast<const Attention*>(data)->attend(index); };
    check(api_.KernelContext_ParallelFor(context, part, work.parts(), 0, &work));
  }

  const ort::Api& api() const { return api_; }

 private:
  void check(ort::Status* status) const {
    if (!status) return;
    const std::string message = api_.GetErrorMessage(status);
    api_.ReleaseStatus(status);
    throw Failure("runtime", message);
  }

  std::size_t integer(const ort::KernelInfo* info, const char* name) const {
    std::int64_t value = 0;
    check(api_.KernelInfoGetAttribute_int64(info, name, &value));
    return static_cast<std::size_t>(value);
  }

  const ort::Value* input(const ort::KernelContext* context, std::size_t index) const {
    const ort::Value* value = nullptr;
    check(api_.KernelContext_GetInput(context, index, &value));
    return value;
  }

  std::vector<std::int64_t> dimsOf(const ort::Value* value) const {
    ort::TensorInfo* info = nullptr;
    check(api_.GetTensorTypeAndShape(value, &info));
    const ort::Owned<ort::TensorInfo> owner(info, {api_.ReleaseTensorTypeAndShapeInfo.function});
    std::size_t rank = 0;
    check(api_.GetDimensionsCount(info, &rank));
    std::vector<std::int64_t> dims(rank);
    check(api_.GetDimensions(info, dims.data(), rank));
    return dims;
  }

  /// The runtime has one way to the memory of a tensor, for reading and writing.
  template <class Number>
  Number* data(const ort::Value* value) const {
    void* found = nullptr;
    check(api_.GetTensorMutableData(const_cast<ort::Value*>(value), &found));
    return static_cast<Number*>(found);
  }

  float* output(ort::KernelContext* context, std::size_t index, const std::vector<std::int64_t>& dims) const {
    ort::Value* value = nullptr;
    check(api_.KernelContext_GetOutput(context, index, dims.data(), dims.size(), &value));
    return data<float>(value);
  }

  /// The output that a cache is extended in: the cache itself where it is bound to both, otherwise a copy.
  float* extended(ort::KernelContext* context, std::size_t past, std::size_t present, const std::vector<std::int64_t>& dims) const {
    const float* from = data<float>(input(context, past));
    float* to = output(context, present, dims);
    if (from != to) std::copy(from, from + dims[0] * dims[1] * dims[2] * dims[3], to);
    return to;
  }

  const ort::Api& api_;
  std::size_t heads_;
  std::size_t kvHeads_;
  float scale_ = 1;
};

/// No exception passes through the runtime.
template <class Work>
ort::Status* attempt(const ort::Api& api, Work work) {
  try {
    work();
    return nullptr;
  } catch (const std::exception& error) {
    return api.CreateStatus(ort::kFail, error.what());
  }
}

}  // namespace

AttentionOperator::AttentionOperator(const ort::Api& api) : ort::CustomOp{}, api(api) {
  version = ort::kCustomOpVersion;
  getName = [](const CustomOp*) { return "CachedAttention"; };
  getExecutionProviderType = [](const CustomOp*) -> const char* { return nullptr; };
  getInputType = [](const CustomOp*, std::size_t index) -> int { return index == kLast || index == kTotal ? ort::kInt32 : ort::kFloat32; };
  getInputTypeCount = [](const CustomOp*) -> std::size_t { return kInputs; };
  getOutputType = [](const CustomOp*, std::size_t) -> int { return ort::kFloat32; };
  getOutputTypeCount = [](const CustomOp*) -> std::size_t { return kOutputs; };
  kernelDestroy = [](void* kernel) { delete static_cast<Kernel*>(kernel); };
  getInputCharacteristic = [](const CustomOp*, std::size_t) { return 0; };
  getOutputCharacteristic = [](const CustomOp*, std::size_t) { return 0; };
  getInputMemoryType = [](const CustomOp*, std::size_t) { return 0; };
  createKernelV2 = [](const CustomOp* self, const void*, const ort::KernelInfo* info, void** kernel) {
    const ort::Api& table = static_cast<const AttentionOperator*>(self)->api;
    return attempt(table, [&] { *kernel = new Kernel(table, info); });
  };
  kernelComputeV2 = [](void* kernel, ort::KernelContext* context) {
    const auto* node = static_cast<const Kernel*>(kernel);
    return attempt(node->api(), [&] { node->compute(context); });
  };
}

}  // namespace mrt
