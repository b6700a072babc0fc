// A tensor in ordinary memory, on its way between JavaScript and ONNX Runtime.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "failure.h"
#include "ort_abi.h"

namespace mrt {

struct HostTensor {
  ort::ElementType type = ort::kFloat32;
  std::vector<std::int64_t> dims;
  std::vector<std::uint8_t> bytes;
};

struct NamedTensor {
  std::string name;
  HostTensor tensor;
};

inline std::size_t elementBytes(ort::ElementType type) {
  switch (type) {
    case ort::kFloat32: return 4;
    case ort::kInt32: return 4;
    case ort::kInt64: return 8;
    case ort::kBool: return 1;
    case ort::kFloat16: return 2;
    case ort::kBFloat16: return 2;
    case ort::kUint8: return 1;
    case ort::kUint4: break;  // half a byte; only parameters are of it
  }
  throw Failure("wrong-dtype", "element type " + std::to_string(static_cast<int>(type)) + " is not float32, int64, int32 or bool");
}

inline std::size_t elementCount(const std::vector<std::int64_t>& dims) {
  std::size_t count = 1;
  for (const std::int64_t dim : dims) count *= static_cast<std::size_t>(dim);
  return count;
}

}  // namespace mrt
