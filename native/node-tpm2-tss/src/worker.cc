#include "worker.h"

#include <pthread.h>
#include <signal.h>

#include "memory/secret_stack.h"

namespace sealedge::tpm {

Result<std::unique_ptr<Worker>> Worker::start() {
  auto state = std::make_shared<State>();
  // The thread inherits the mask: Node's signals are for Node's threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  auto* argument = new std::shared_ptr<State>(state);
  const int failed = pthread_create(&thread, nullptr, &Worker::entry, argument);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failed) {
    delete argument;
    return Error{ErrorCode::kOutOfMemory, "cannot start the TPM thread"};
  }
  pthread_setname_np(thread, "tpm2-tss");
  pthread_detach(thread);
  return std::unique_ptr<Worker>(new Worker(std::move(state)));
}

void Worker::post(std::unique_ptr<Job> job) {
  const std::lock_guard lock(state_->mutex);
  state_->jobs.push_back(std::move(job));
  state_->changed.notify_all();
}

void Worker::finish() {
  const std::lock_guard lock(state_->mutex);
  state_->finishing = true;
  state_->changed.notify_all();
}

void Worker::abandon(std::unique_ptr<Job> last, std::chrono::milliseconds patience) {
  std::deque<std::unique_ptr<Job>> dropped;
  std::unique_lock lock(state_->mutex);
  dropped.swap(state_->jobs);
  // A thread that has ended takes no job any more.
  if (!state_->ended) state_->jobs.push_back(std::move(last));
  state_->finishing = true;
  state_->changed.notify_all();
  state_->changed.wait_for(lock, patience, [this] { return state_->ended; });
}

void* Worker::entry(void* argument) {
  const std::unique_ptr<std::shared_ptr<State>> state(static_cast<std::shared_ptr<State>*>(argument));
  loop(**state);
  return nullptr;
}

void Worker::loop(State& state) {
  for (;;) {
    std::unique_ptr<Job> job;
    {
      std::unique_lock lock(state.mutex);
      state.changed.wait(lock, [&] { return state.finishing || !state.jobs.empty(); });
      if (state.jobs.empty()) {
        state.ended = true;
        state.changed.notify_all();
        return;
      }
      job = std::move(state.jobs.front());
      state.jobs.pop_front();
    }
    Result<void> ran = run_on_secret_stack([&job] { job->run(); });
    if (!ran.ok()) job->refuse(std::move(ran).error());
    Job::finish(std::move(job));
  }
}

}  // namespace sealedge::tpm
