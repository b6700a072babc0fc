#include "completion.h"

#include <algorithm>

namespace mrt {
namespace {

bool holds(const std::vector<std::int32_t>& tokens, std::int32_t token) {
  return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
}

bool contains(const std::vector<std::int32_t>& tokens, const std::vector<std::int32_t>& run) {
  return !run.empty() && std::search(tokens.begin(), tokens.end(), run.begin(), run.end()) != tokens.end();
}

bool closedBy(const std::vector<std::int32_t>& suffix, const ThinkingRule& rule) {
  return contains(suffix, rule.endTokens) ||
         std::any_of(rule.closers.begin(), rule.closers.end(), [&](const auto& closer) { return contains(suffix, closer); });
}

}  // namespace

Writer::Writer(const Request& request, std::int32_t room)
    : request_(&request),
      room_(std::min(room, request.maxNewTokens)),
      thinking_(request.thinking && !closedBy(request.suffix, *request.thinking)),
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
  advance();
  const std::optional<Finish> finish = finished(choice.token);
  if (finish) completion_.finish = *finish;
  return !finish;
}

Writer::Choice Writer::choose(const Distribution& distribution) {
  if (thinking_ && !ending_ && thinkingTokens_ >= request_->thinking->budget) {
    ending_ = true;
    forced_ = &request_->thinking->endTokens;
    written_ = 0;
  }
  if (forced_ == nullptr) {
    const std::int32_t drawn = distribution.draw(uniformAt(request_->key, completion_.tokens.size(), 0));
    const std::size_t closing = thinking_ ? closes(drawn) : 0;
    if (closing == 0 || thinkingTokens_ + 1 - static_cast<std::int32_t>(closing) >= request_->thinking->minimum) return {drawn, true};
    forced_ = &request_->thinking->extendTokens;
    written_ = 0;
  }
  return {(*forced_)[written_++], false};
}

std::size_t Writer::closes(std::int32_t token) const {
  for (const std::vector<std::int32_t>& closer : request_->thinking->closers) {
    const std::size_t before = closer.size() - 1;
    if (closer.back() != token || completion_.tokens.size() < before) continue;
    if (std::equal(closer.begin(), closer.end() - 1, completion_.tokens.end() - static_cast<std::ptrdiff_t>(before))) return closer.size();
  }
  return 0;
}

void Writer::advance() {
  const bool forced = forced_ != nullptr;
  if (forced && written_ == forced_->size()) forced_ = nullptr;
  if (!thinking_) {
    answerTokens_++;
  } else if (ending_) {
    thinking_ = forced_ != nullptr;
    ending_ = thinking_;
  } else {
    const std::int32_t token = completion_.tokens.back();
    completion_.tokens.pop_back();
    const bool closed = !forced && closes(token) > 0;
    completion_.tokens.push_back(token);
    if (closed) {
      thinking_ = false;
    } else {
      thinkingTokens_++;
    }
  }
}

std::optional<Finish> Writer::finished(std::int32_t token) const {
  if (holds(request_->stopTokens, token)) return Finish::kStop;
  if (static_cast<std::int32_t>(completion_.tokens.size()) >= room_) return Finish::kLength;
  if (!request_->thinking || thinking_) return std::nullopt;
  if (answerTokens_ > 0 && holds(request_->thinking->answerStops, token)) return Finish::kStop;
  if (answerTokens_ >= request_->thinking->answerTokens) return Finish::kLength;
  return std::nullopt;
}

}  // namespace mrt
