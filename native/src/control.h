// What a piece of work that runs off the JavaScript thread can see of the outside: whether it should stop, and
// somewhere to say how far it is. Knows nothing of JavaScript.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <utility>
#include <vector>

#include "runtime.h"

namespace mrt {

/// Named counts, e.g. {"finished", 12}, {"total", 64}.
using Progress = std::vector<std::pair<const char*, double>>;

class Control {
 public:
  explicit Control(const Runtime& runtime) : api_(runtime.api()), runOptions_(runtime.createRunOptions()) {}

  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

  /// From any thread: a model that is running stops before its next node.
  void cancel() {
    cancelled_.store(true, std::memory_order_relaxed);
    if (ort::Status* status = api_.RunOptionsSetTerminate(runOptions_.get())) api_.ReleaseStatus(status);
  }

  const ort::RunOptions* runOptions() const { return runOptions_.get(); }

  /// After each run with these options the runtime gives back what its arena holds and nothing uses. Not for every run: what is given back
  /// is claimed anew piece by piece, and then takes more than before.
  void giveBackAfterRun() {
    if (ort::Status* status = api_.AddRunConfigEntry(runOptions_.get(), "memory.enable_memory_arena_shrinkage", "cpu:0")) api_.ReleaseStatus(status);
  }

  /// Tells how far the work is, at most every 50 ms; `count` is only called when it is time to tell.
  template <class Count>
  void report(Count count) {
    if (!listener_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now < nextReport_) return;
    nextReport_ = now + std::chrono::milliseconds(50);
    listener_(count());
  }

  void onProgress(std::function<void(Progress)> listener) { listener_ = std::move(listener); }

 private:
  const ort::Api& api_;
  ort::Owned<ort::RunOptions> runOptions_;
  std::atomic<bool> cancelled_{false};
  std::function<void(Progress)> listener_;
  std::chrono::steady_clock::time_point nextReport_{};
};

}  // namespace mrt
