#include "completion.h"

#include <algorithm>

namespace mrt {
namespace {

bool holds(const std::vector<std::int32_t>& tokens, std::int32_t token) {
  return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
}

}  // namespace

Writer::Writer(const Request& request, std::int32_t room)
    : request_(&request),
      room_(std::min(room, request.maxNewTokens)),
      thinking_(request.thinking && !holds(request.suffix, request.thinking->endToken)),
      thinkingTokens_(request.prefixThinkingTokens) {}

bool Writer::write(const float* logits, std::size_t vocabulary, Distribution& scratch) {
  if (!scratch.prepare(logits, vocabulary, request_->sampling)) {
    completion_.finish = Finish::kNonfinite;
    return false;
  }
  const Choice choice = choose(scratch);
  completion_.tokens.push_back(choice.token);
  completion_.logps.push_back(static_cast<float>(scratch.logp(choice.token)));
  completion_.samplingLogps.push_back(static_cast<float>(scratch.samplingLogp(choice.token)));
  completion_.sampled.push_back(choice.sampled ? 1 : 0);
  advance(choice.token);
  const std::optional<Finish> finish = finished(choice.token);
  if (finish) completion_.finish = *finish;
  return !finish;
}

Writer::Choice Writer::choose(const Distribution& distribution) const {
  if (thinking_ && thinkingTokens_ >= request_->thinking->budget) return {request_->thinking->endToken, false};
  const std::int32_t drawn = distribution.draw(uniformAt(request_->key, completion_.tokens.size(), 0));
  if (thinking_ && drawn == request_->thinking->endToken && thinkingTokens_ < request_->thinking->minimum) {
    return {request_->thinking->extendToken, false};
  }
  return {drawn, true};
}

void Writer::advance(std::int32_t token) {
  if (!thinking_) {
    answerTokens_++;
  } else if (token == request_->thinking->endToken) {
    thinking_ = false;
  } else {
    thinkingTokens_++;
  }
}

std::optional<Finish> Writer::finished(std::int32_t token) const {
  if (holds(request_->stopTokens, token)) return Finish::kStop;
  if (static_cast<std::int32_t>(completion_.tokens.size()) >= room_) return Finish::kLength;
  if (request_->thinking && !thinking_ && answerTokens_ >= request_->thinking->answerTokens) return Finish::kLength;
  return std::nullopt;
}

}  // namespace mrt
