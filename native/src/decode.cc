#include "decode.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "failure.h"

namespace mrt {
namespace {

/// A longer run of forced tokens is fed as one chunk instead of step by step beside the other rows. Measured: a chunk of its
/// own costs as much as 12 to 14 tokens in the rows' steps.
constexpr std::size_t kForcedInSteps = 12;

/// A sequence in a row: what is still to be fed before it may write, and what it has written.
struct Lane {
  Lane(std::size_t request, Writer writer) : request(request), writer(std::move(writer)) {}

  std::size_t request;
  Writer writer;
  std::vector<std::int32_t> forced;  // prefix and suffix tokens that are not in the cache yet
  std::size_t fed = 0;               // of `forced`
  std::int32_t position = 0;         // filled positions of the row

  std::int32_t nextToken() const { return fed < forced.size() ? forced[fed] : writer.lastToken(); }
};

/// One call of generate: the lanes and the order in which requests enter them.
class Generation {
 public:
  Generation(Stepper& stepper, Rows* prefix, const Decoder::Work& work, Control& control)
      : stepper_(stepper), prefix_(prefix), work_(work), control_(control), completions_(work.requests.size()) {
    // Requests of one source are started together, so that its prefix is computed once and then forgotten.
    order_.resize(work.requests.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) { return work.requests[a].source < work.requests[b].source; });
  }

  Generated run() {
    try {
      while (!control_.cancelled() && admit()) {
        step();
        control_.report([this] { return progress(); });
      }
    } catch (const Failure& failure) {
      if (failure.code != "cancelled") throw;
    }
    for (std::optional<Lane>& lane : lanes_) {
      if (lane) completions_[lane->request] = lane->writer.take();
    }
    return {std::move(completions_), std::move(kept_)};
  }

 private:
  /// Fills free rows with waiting requests and closes the gaps that remain. False when there is nothing left to do.
  bool admit() {
    for (std::size_t row = 0; row < stepper_.capacity() && next_ < order_.size(); ++row) {
      if (row == lanes_.size()) lanes_.emplace_back();
      if (!lanes_[row]) start(row, order_[next_++]);
    }
    if (stepper_.forks()) compact();
    while (!lanes_.empty() && !lanes_.back()) lanes_.pop_back();
    return !lanes_.empty();
  }

  void start(std::size_t row, std::size_t index) {
    const Request& request = work_.requests[index];
    const std::vector<std::int32_t>& source = work_.sources[request.source];
    const auto length = static_cast<std::size_t>(request.length);
    const auto room = static_cast<std::int32_t>(stepper_.maxLength() + 1 - length - request.suffix.size());
    Lane lane(index, Writer(request, room));

    std::size_t cached = 0;
    if (stepper_.forks() && length > 1 && shared(request.source)) {
      fork(row, request.source, length - 1);
      cached = length - 1;
    }
    // The last token before the completion always goes through a step: its logits start the writing.
    lane.forced.assign(source.begin() + cached, source.begin() + length);
    lane.forced.insert(lane.forced.end(), request.suffix.begin(), request.suffix.end());
    if (stepper_.forks() && lane.forced.size() > kForcedInSteps) {
      lane.fed = lane.forced.size() - 1;
      stepper_.prefill(stepper_.rows(), row, lane.forced.data(), lane.fed, cached, control_);
    }
    lane.position = static_cast<std::int32_t>(cached + lane.fed);
    lanes_[row].emplace(std::move(lane));
  }

  /// Whether a source is at hand already or wanted by the next request too.
  bool shared(std::size_t source) const {
    return prefixSource_ == source || (next_ < order_.size() && work_.requests[order_[next_]].source == source);
  }

  /// Fills the first `length` positions of a row from a source, computing the source if it is not the one at hand.
  void fork(std::size_t row, std::size_t source, std::size_t length) {
    if (prefixSource_ != source) {
      std::size_t longest = length;
      for (std::size_t i = next_; i < order_.size() && work_.requests[order_[i]].source == source; ++i) {
        longest = std::max(longest, static_cast<std::size_t>(std::max(1, work_.requests[order_[i]].length)) - 1);
      }
      prefixSource_.reset();
      stepper_.prefill(*prefix_, 0, work_.sources[source].data(), longest, 0, control_);
      prefixSource_ = source;
    }
    stepper_.rows().copy(row, *prefix_, 0, length);
  }

  /// Moves the last sequences into free rows. Worth it from a few free rows on: a move costs what a row costs in some steps.
  void compact() {
    const auto holes = static_cast<std::size_t>(std::count_if(lanes_.begin(), lanes_.end(), [](const auto& lane) { return !lane; }));
    if (holes * 8 < lanes_.size()) return;
    std::size_t row = 0;
    while (true) {
      while (!lanes_.empty() && !lanes_.back()) lanes_.pop_back();
      while (row < lanes_.size() && lanes_[row]) ++row;
      if (row >= lanes_.size()) return;
      stepper_.rows().copy(row, stepper_.rows(), lanes_.size() - 1, static_cast<std::size_t>(lanes_.back()->position));
      lanes_[row] = std::move(lanes_.back());
      lanes_.pop_back();
    }
  }

  void step() {
    for (std::size_t row = 0; row < lanes_.size(); ++row) {
      const std::optional<Lane>& lane = lanes_[row];
      stepper_.feed(row, lane ? lane->nextToken() : 0, lane ? lane->position : 0);
    }
    // A cache on a device is bound whole.
    const std::size_t batch = stepper_.forks() ? lanes_.size() : stepper_.capacity();
    for (std::size_t row = lanes_.size(); row < batch; ++row) stepper_.feed(row, 0, 0);
    stepper_.step(batch, control_);
    ++steps_;
    for (std::size_t row = 0; row < lanes_.size(); ++row) {
      if (lanes_[row]) consume(row);
    }
  }

  void consume(std::size_t row) {
    Lane& lane = *lanes_[row];
    ++lane.position;
    if (lane.fed < lane.forced.size() && ++lane.fed < lane.forced.size()) return;
    const bool going = lane.writer.write(stepper_.logits(row), stepper_.vocabulary(), distribution_);
    ++tokens_;
    if (going) return;
    completions_[lane.request] = lane.writer.take();
    keep(lane, row);
    lanes_[row].reset();
    ++finished_;
  }

  /// Hands out what a finished row holds, if that is asked for and as long as there is room for it.
  void keep(const Lane& lane, std::size_t row) {
    if (!work_.requests[lane.request].keep || !stepper_.forks()) return;
    const std::size_t count = stepper_.rows().packed(static_cast<std::size_t>(lane.position));
    const std::size_t room = work_.keepBytes / sizeof(float);
    if (count > room - filled_) return;
    if (kept_.size() == 0) kept_ = Buffer<float>(room);
    stepper_.rows().pack(row, static_cast<std::size_t>(lane.position), kept_.data() + filled_);
    completions_[lane.request].kept = count;
    completions_[lane.request].keptAt = filled_;
    filled_ += count;
  }

  Progress progress() const {
    const auto active = std::count_if(lanes_.begin(), lanes_.end(), [](const auto& lane) { return lane.has_value(); });
    return {{"finished", static_cast<double>(finished_)},
            {"total", static_cast<double>(work_.requests.size())},
            {"active", static_cast<double>(active)},
            {"tokens", static_cast<double>(tokens_)},
            {"steps", static_cast<double>(steps_)}};
  }

  Stepper& stepper_;
  Rows* prefix_;
  const Decoder::Work& work_;
  Control& control_;
  std::vector<Completion> completions_;
  std::vector<std::size_t> order_;
  std::size_t next_ = 0;
  std::vector<std::optional<Lane>> lanes_;  // by row
  std::optional<std::size_t> prefixSource_;
  Distribution distribution_;
  std::uint64_t tokens_ = 0;
  std::uint64_t steps_ = 0;
  std::size_t finished_ = 0;
  Buffer<float> kept_;      // of the size asked for once anything is kept ...
  std::size_t filled_ = 0;  // ... up to here
};

}  // namespace

Decoder::Decoder(std::shared_ptr<Session> session, const Shape& shape)
    : runtime_(session->runtime()),
      parameters_(session->parameters()),
      stepper_(std::move(session), shape.cache, shape.vocabulary, static_cast<std::size_t>(shape.rows)) {
  if (stepper_.forks()) prefix_ = std::make_unique<Rows>(shape.cache, 1);
}

Decoder::Decoder(Load load, bool relaid, const Shape& shape, Control& control) : Decoder(load(control), shape) {
  if (relaid) load_ = std::move(load);
  // The weights may train before anything is asked for, or nothing may be.
  forget();
}

void Decoder::forget() {
  if (!load_) return;
  laidAt_.reset();
  stepper_.release();
}

void Decoder::keepUp(std::uint64_t changes, Control& control) {
  if (!load_ || laidAt_ == changes) return;
  // The old copy goes first: there may be no room for two.
  forget();
  stepper_.adopt(load_(control));
  laidAt_ = changes;
}

std::size_t Decoder::bytes() const { return stepper_.bytes() + (prefix_ ? prefix_->bytes() : 0); }

Generated Decoder::generate(const Work& work, std::uint64_t changes, Control& control) {
  for (const Request& request : work.requests) {
    const bool inside = request.source < work.sources.size() && request.length >= 0 &&
                        static_cast<std::size_t>(request.length) <= work.sources[request.source].size();
    const std::size_t forced = inside ? static_cast<std::size_t>(request.length) + request.suffix.size() : 0;
    if (forced == 0 || forced > stepper_.maxLength()) throw Failure("bad-argument", "a request's prefix and suffix must hold 1 to maxLength tokens");
  }
  keepUp(changes, control);
  stepper_.refresh();
  Generated generated = Generation(stepper_, prefix_.get(), work, control).run();
  if (stepper_.forks()) {
    // The cache is by far the largest part of sampling, and nothing of it is read again.
    stepper_.rows().forget();
    prefix_->forget();
  }
  return generated;
}

}  // namespace mrt
