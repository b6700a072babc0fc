// The one exception type of the plain C++ part. `code` is stable and reaches JavaScript as `error.code`;
// the message is for people. Anything else that is thrown is a bug of ours.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace mrt {

struct Failure : std::runtime_error {
  Failure(std::string code, const std::string& message) : std::runtime_error(message), code(std::move(code)) {}
  std::string code;
};

}  // namespace mrt
