#include "job.h"

namespace mrt {

std::shared_ptr<Mailbox> Mailbox::open(Napi::Env env) {
  auto mailbox = std::make_shared<Mailbox>();
  auto share = std::make_unique<std::shared_ptr<Mailbox>>(mailbox);
  const Napi::String name = Napi::String::New(env, "mrt");
  const napi_status status = napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, share.get(), closed, nullptr, deliver,
                                                             &mailbox->function_);
  if (status != napi_ok) throw Napi::Error::New(env, "cannot create the channel from the engine's threads");
  share.release();
  mailbox->expect(env, false);
  return mailbox;
}

void Mailbox::post(Message message) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!open_) return;
  auto letter = std::make_unique<Message>(std::move(message));
  if (napi_call_threadsafe_function(function_, letter.get(), napi_tsfn_nonblocking) == napi_ok) {
    letter.release();
  } else {
    open_ = false;
  }
}

void Mailbox::expect(Napi::Env env, bool something) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!open_) return;
  if (something) {
    napi_ref_threadsafe_function(env, function_);
  } else {
    napi_unref_threadsafe_function(env, function_);
  }
}

void Mailbox::deliver(napi_env env, napi_value, void*, void* data) {
  const std::unique_ptr<Message> letter(static_cast<Message*>(data));
  if (env == nullptr) return;  // the environment is closing: letters that were under way are thrown away
  const Napi::HandleScope scope{Napi::Env(env)};
  try {
    try {
      (*letter)(Napi::Env(env));
    } catch (const Napi::Error& error) {
      // A listener threw: what an event emitter would do.
      napi_fatal_exception(env, error.Value());
    }
  } catch (const Napi::Error&) {
    // The environment is being torn down and runs no JavaScript any more, so there is nobody left to tell.
  }
}

void Mailbox::closed(napi_env, void* data, void*) {
  const std::unique_ptr<std::shared_ptr<Mailbox>> share(static_cast<std::shared_ptr<Mailbox>*>(data));
  const std::lock_guard<std::mutex> lock((*share)->mutex_);
  (*share)->open_ = false;
}

Environment::Environment(Napi::Env env) : mailbox_(Mailbox::open(env)) {
  napi_add_async_cleanup_hook(env, close, this, nullptr);
}

Job& Environment::add(Napi::Env env, std::unique_ptr<Job> job) {
  if (jobs_.empty()) mailbox_->expect(env, true);
  jobs_.push_back(std::move(job));
  return *jobs_.back();
}

void Environment::remove(Napi::Env env, Job& job) {
  jobs_.remove_if([&](const std::unique_ptr<Job>& other) { return other.get() == &job; });
  if (jobs_.empty()) mailbox_->expect(env, false);
}

void Environment::close(napi_async_cleanup_hook_handle handle, void* data) {
  Environment* environment = static_cast<Environment*>(data);
  for (const auto& job : environment->jobs_) job->control->cancel();
  for (const auto& job : environment->jobs_) {
    if (job->thread.joinable()) job->thread.join();
    job->listener.SuppressDestruct();
  }
  environment->jobs_.clear();
  napi_remove_async_cleanup_hook(handle);
}

}  // namespace mrt
