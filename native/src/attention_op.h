// Our attention as an operator that graphs may name: domain "mrt", CachedAttention, with the inputs, outputs and meaning of
// com.microsoft's GroupQueryAttention with rotation in halves and its scale, num_heads and kv_num_heads given. Processor only.
#pragma once

#include "ort_abi.h"

namespace mrt {

/// What the runtime knows the operator by; must outlive every session that has it.
struct AttentionOperator : ort::CustomOp {
  static constexpr const char* kDomain = "mrt";

  explicit AttentionOperator(const ort::Api& api);
  AttentionOperator(const AttentionOperator&) = delete;
  AttentionOperator& operator=(const AttentionOperator&) = delete;

  const ort::Api& api;
};

}  // namespace mrt
