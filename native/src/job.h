// Off-thread work for one JavaScript environment: `startJob` runs a function on a thread of its own, carries progress
// and the result back to the JavaScript thread, and settles a promise. Cancelling is the work's own business (Control).
//
// All state belongs to the environment. When it closes (the process exits, a worker is terminated), running work is
// cancelled, its threads are joined, and nothing touches JavaScript any more.
#pragma once

#include <napi.h>

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "control.h"
#include "convert.h"
#include "failure.h"

namespace mrt {

/// Carries closures from any thread to the JavaScript thread; drops them once the environment is closing.
class Mailbox {
 public:
  using Message = std::function<void(Napi::Env)>;

  static std::shared_ptr<Mailbox> open(Napi::Env env);

  void post(Message message);
  /// JavaScript thread: the process stays alive while something is expected.
  void expect(Napi::Env env, bool something);

 private:
  static void deliver(napi_env env, napi_value, void* context, void* data);
  static void closed(napi_env env, void* data, void* context);

  std::mutex mutex_;
  bool open_ = true;
  napi_threadsafe_function function_ = nullptr;
};

/// One piece of running work as the environment sees it.
struct Job {
  std::shared_ptr<Control> control;
  std::thread thread;
  Napi::FunctionReference listener;
  std::function<void()> release;  // JavaScript thread, exactly once, whatever the outcome
  std::atomic<bool> progressPending{false};

  ~Job() {
    if (thread.joinable()) thread.join();
    if (release) release();
  }
};

/// Per-environment state of the addon.
class Environment {
 public:
  explicit Environment(Napi::Env env);

  static Environment& of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }

  Job& add(Napi::Env env, std::unique_ptr<Job> job);
  void remove(Napi::Env env, Job& job);
  Mailbox& mailbox() { return *mailbox_; }

 private:
  static void close(napi_async_cleanup_hook_handle handle, void* environment);

  // Shared with Node's own channel object, which is finalised at a moment of its choosing.
  std::shared_ptr<Mailbox> mailbox_;
  std::list<std::unique_ptr<Job>> jobs_;
};

/// What a job needs to begin. `work` runs on its own thread, everything else on the JavaScript thread.
template <class Result>
struct JobPlan {
  std::shared_ptr<Control> control;
  std::function<Result(Control&)> work;
  std::function<Napi::Value(Napi::Env, Result&)> convert;
  Napi::Function listener;           // takes one progress record; may be empty
  std::function<void()> release;     // may be empty
};

/// Starts the work; answers {promise, cancel()}. The promise rejects with an Error that has a `code`.
template <class Result>
Napi::Object startJob(Napi::Env env, JobPlan<Result> plan) {
  Environment& environment = Environment::of(env);
  auto created = std::make_unique<Job>();
  created->control = plan.control;
  created->release = std::move(plan.release);
  Job& job = environment.add(env, std::move(created));
  Mailbox& mailbox = environment.mailbox();

  if (!plan.listener.IsEmpty()) {
    job.listener = Napi::Persistent(plan.listener);
    job.control->onProgress([&job, &mailbox](Progress progress) {
      // Latest wins: while one report is on its way, others are dropped.
      if (job.progressPending.exchange(true)) return;
      mailbox.post([&job, progress = std::move(progress)](Napi::Env there) {
        job.progressPending = false;
        Napi::Object record = Napi::Object::New(there);
        for (const auto& [name, value] : progress) record.Set(name, value);
        job.listener.Call({record});
      });
    });
  }

  const auto deferred = Napi::Promise::Deferred::New(env);
  auto body = [&job, &mailbox, deferred, work = std::move(plan.work), convert = std::move(plan.convert)]() mutable {
    std::optional<Result> result;
    std::optional<Failure> failure;
    try {
      result.emplace(work(*job.control));
    } catch (...) {
      failure = describeCurrentException();
    }
    // The work's own references (sessions, buffers) go before the promise settles, so that a dispose that
    // follows has really freed them.
    work = nullptr;
    auto outcome = std::make_shared<std::pair<std::optional<Result>, std::optional<Failure>>>(std::move(result), std::move(failure));
    mailbox.post([&job, deferred, outcome, convert = std::move(convert)](Napi::Env there) {
      Napi::Value value;
      std::optional<Failure>& failed = outcome->second;
      if (!failed) {
        try {
          value = convert(there, *outcome->first);
        } catch (...) {
          failed = describeCurrentException();
        }
      }
      Environment::of(there).remove(there, job);
      if (failed) {
        deferred.Reject(toError(there, *failed).Value());
      } else {
        deferred.Resolve(value);
      }
    });
  };
  try {
    job.thread = std::thread(std::move(body));
  } catch (const std::system_error&) {
    environment.remove(env, job);
    throw Failure("out-of-memory", "the system refuses another thread");
  }

  Napi::Object handle = Napi::Object::New(env);
  handle.Set("promise", deferred.Promise());
  handle.Set("cancel", Napi::Function::New(env, [control = plan.control](const Napi::CallbackInfo&) { control->cancel(); }));
  return handle;
}

}  // namespace mrt
