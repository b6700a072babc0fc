// One completion as it is written, token by token: drawing, the thinking budget, stops and limits. Pure: it sees a
// distribution and answers a token; where the distribution comes from is the decoder's business.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "sample.h"

namespace mrt {

/// Budget forcing (Muennighoff et al. 2025, "s1: simple test-time scaling", section 3.1), in tokens.
struct ThinkingRule {
  std::vector<std::vector<std::int32_t>> closers;  // a run of tokens that equals one of these closes the thinking
  std::vector<std::int32_t> endTokens;             // closes it when the budget is used up; at least one
  std::int32_t budget = 0;                         // after so many thinking tokens endTokens are forced
  std::int32_t answerTokens = 0;                   // most tokens after the thinking was closed
  std::int32_t minimum = 0;                        // before so many, a drawn token that completes a closer is replaced ...
  std::vector<std::int32_t> extendTokens;          // ... by these; at least one where minimum is above 0
  std::vector<std::int32_t> answerStops;           // end the completion once the thinking was closed
};

/// What to complete: the first `length` tokens of a source, then `suffix`, then the completion.
struct Request {
  std::size_t source = 0;
  std::int32_t length = 0;
  std::vector<std::int32_t> suffix;
  std::array<std::uint32_t, 2> key{};  // 64-bit seed, low word first
  std::int32_t maxNewTokens = 0;
  std::vector<std::int32_t> stopTokens;
  SamplingRule sampling;
  std::optional<ThinkingRule> thinking;
  std::int32_t prefixThinkingTokens = 0;  // thinking tokens that the prefix already holds
  bool keep = false;                      // its keys and values are handed out with it, where there is room
};

enum class Finish : std::uint8_t { kStop, kLength, kCancelled, kNonfinite };

struct Completion {
  std::vector<std::int32_t> tokens;
  std::vector<float> logps;          // under the model at temperature 1, unfiltered
  std::vector<float> samplingLogps;  // under the sampling rule
  std::vector<std::uint8_t> sampled; // 1 drawn, 0 forced
  Finish finish = Finish::kCancelled;
  std::size_t kept = 0;              // floats of keys and values of all positions but the last, in Generated's block; none where not kept
  std::size_t keptAt = 0;            // where they begin there
};

/// Writes one completion.
class Writer {
 public:
  /// @param room most tokens that fit into the sequence
  Writer(const Request& request, std::int32_t room);

  /// Chooses the next token from logits [vocabulary]. False when the completion is finished.
  bool write(const float* logits, std::size_t vocabulary, Distribution& scratch);

  std::int32_t lastToken() const { return completion_.tokens.back(); }
  std::size_t length() const { return completion_.tokens.size(); }
  Completion take() { return std::move(completion_); }

 private:
  struct Choice {
    std::int32_t token;
    bool sampled;
  };
  Choice choose(const Distribution& distribution);
  void advance();
  std::optional<Finish> finished(std::int32_t token) const;
  /// The length of the closer that a token would complete; 0 for none.
  std::size_t closes(std::int32_t token) const;

  const Request* request_;
  std::int32_t room_;
  bool thinking_ = false;
  bool ending_ = false;                          // endTokens are being written
  const std::vector<std::int32_t>* forced_ = nullptr;  // being written ...
  std::size_t written_ = 0;                      // ... up to here
  std::int32_t thinkingTokens_ = 0;
  std::int32_t answerTokens_ = 0;
  Completion completion_;
};

}  // namespace mrt
