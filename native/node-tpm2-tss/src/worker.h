// The thread of one context: runs its jobs one after the other, each on a secret stack with signals blocked.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>

#include "core/result.h"

namespace sealedge::tpm {

class Job {
 public:
  virtual ~Job() = default;
  // On the worker. Touches nothing of JavaScript.
  virtual void run() = 0;
  // The job could not run; the reason is kept for the caller.
  virtual void refuse(Error error) = 0;
  // On the worker, afterwards in either case: hands the job over to the thread that asked. Takes ownership.
  static void finish(std::unique_ptr<Job> job) {
    Job* raw = job.get();
    raw->deliver(std::move(job));
  }

 protected:
  virtual void deliver(std::unique_ptr<Job> self) = 0;
};

class Worker {
 public:
  static Result<std::unique_ptr<Worker>> start();
  // As finish(). Waits for nothing: the thread keeps what it needs.
  ~Worker() { finish(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void post(std::unique_ptr<Job> job);
  // No job comes any more: the thread ends when the last one is done. Repeatable.
  void finish();
  // Drops the jobs that have not begun, and waits for the one under way and then for last; a TPM that does not answer
  // is given up after patience.
  void abandon(std::unique_ptr<Job> last, std::chrono::milliseconds patience);

 private:
  // Shared with the thread, which may outlive this object.
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::unique_ptr<Job>> jobs;
    bool finishing = false;
    bool ended = false;
  };
  explicit Worker(std::shared_ptr<State> state) : state_(std::move(state)) {}
  static void loop(State& state);
  static void* entry(void* argument);

  std::shared_ptr<State> state_;
};

}  // namespace sealedge::tpm
