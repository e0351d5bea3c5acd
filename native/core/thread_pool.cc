#include "core/thread_pool.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <deque>
#include <mutex>
#include <vector>

namespace sealedge {
namespace {

// Kernels keep large scratch elsewhere; what runs on these stacks directly is the loop below and, without hooks, the
// kernels.
constexpr size_t kThreadStackBytes = 1024 * 1024;

// One parallel_for in progress. Lives on its caller's stack; listed while it still wants helpers.
struct Loop {
  FunctionRef<void(size_t, unsigned)> body;
  size_t count;
  unsigned helpers_wanted;
  unsigned helpers_active = 0;
  std::atomic<size_t> next_index{0};

  void work(unsigned slot) {
    for (size_t i = next_index.fetch_add(1, std::memory_order_relaxed); i < count;
         i = next_index.fetch_add(1, std::memory_order_relaxed)) {
      body(i, slot);
    }
  }
};

struct Job {
  std::function<void()> work;
  std::function<void()> done;
};

// Who this thread is: slot of which pool, and whether it is inside a body already.
struct Here {
  const void* pool = nullptr;
  unsigned slot = 0;
  bool in_loop = false;
};
thread_local Here here;

}  // namespace

struct ThreadPool::State {
  struct Thread {
    State* state = nullptr;
    unsigned slot = 0;
    pthread_t id{};
    void* hook_state = nullptr;
  };

  const ThreadHooks* hooks = nullptr;
  std::mutex mutex;
  std::condition_variable work_ready;
  std::condition_variable helper_left;
  std::deque<Job> jobs;
  std::vector<Loop*> loops;
  bool stopping = false;
  std::mutex outside;  // one caller from outside at a time: they share the last slot
  std::vector<Thread> threads;

  static void* main(void* argument);
  void serve(Thread& self);
  void enter(Thread& self, FunctionRef<void()> work);
  void stop();
};

void* ThreadPool::State::main(void* argument) {
  Thread& self = *static_cast<Thread*>(argument);
  here = Here{self.state, self.slot, false};
  self.state->serve(self);
  return nullptr;
}

void ThreadPool::State::enter(Thread& self, FunctionRef<void()> work) {
  if (hooks == nullptr) return work();
  hooks->enter(self.hook_state, [](void* callable) { (*static_cast<FunctionRef<void()>*>(callable))(); }, &work);
}

void ThreadPool::State::serve(Thread& self) {
  std::unique_lock lock(mutex);
  while (true) {
    work_ready.wait(lock, [&] { return stopping || !loops.empty() || !jobs.empty(); });
    // Loops before jobs: a run in progress finishes before the next one starts.
    if (!loops.empty()) {
      Loop* loop = loops.back();
      ++loop->helpers_active;
      if (--loop->helpers_wanted == 0) loops.pop_back();
      lock.unlock();
      enter(self, [&] {
        here.in_loop = true;
        loop->work(self.slot);
        here.in_loop = false;
      });
      lock.lock();
      if (--loop->helpers_active == 0) helper_left.notify_all();
    } else if (!jobs.empty()) {
      Job job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      enter(self, job.work);
      if (job.done) job.done();
      job = Job{};  // captured state goes before the next wait
      lock.lock();
    } else {
      return;
    }
  }
}

void ThreadPool::State::stop() {
  {
    std::lock_guard lock(mutex);
    stopping = true;
  }
  work_ready.notify_all();
  for (Thread& thread : threads) {
    pthread_join(thread.id, nullptr);
    if (hooks != nullptr) hooks->destroy(thread.hook_state);
  }
  threads.clear();
}

ThreadPool::ThreadPool(std::unique_ptr<State> state) : state_(std::move(state)) {}
ThreadPool::~ThreadPool() { state_->stop(); }
unsigned ThreadPool::size() const { return static_cast<unsigned>(state_->threads.size()); }

Result<std::unique_ptr<ThreadPool>> ThreadPool::create(unsigned thread_count, const ThreadHooks* hooks) {
  auto state = std::make_unique<State>();
  state->hooks = hooks;
  state->threads.reserve(thread_count);  // threads point into it

  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kThreadStackBytes);
  // A new thread inherits the mask: no handler ever runs on a pool thread's stack (design decision 3).
  sigset_t all_signals;
  sigset_t previous;
  sigfillset(&all_signals);
  pthread_sigmask(SIG_SETMASK, &all_signals, &previous);

  Result<void> outcome;
  for (unsigned slot = 0; slot < thread_count && outcome.ok(); ++slot) {
    State::Thread thread{state.get(), slot, {}, nullptr};
    if (hooks != nullptr) {
      Result<void*> created = hooks->create();
      if (!created.ok()) {
        outcome = std::move(created).error();
        break;
      }
      thread.hook_state = *created;
    }
    state->threads.push_back(thread);
    const int failure = pthread_create(&state->threads.back().id, &attributes, &State::main, &state->threads.back());
    if (failure != 0) {
      if (hooks != nullptr) hooks->destroy(thread.hook_state);
      state->threads.pop_back();
      outcome = Error{ErrorCode::kOutOfMemory, std::string("a pool thread cannot start: ") + std::strerror(failure)};
    }
  }
  pthread_sigmask(SIG_SETMASK, &previous, nullptr);
  pthread_attr_destroy(&attributes);
  if (!outcome.ok()) {
    state->stop();
    return std::move(outcome).error();
  }
  return std::unique_ptr<ThreadPool>(new ThreadPool(std::move(state)));
}

void ThreadPool::parallel_for(size_t count, unsigned max_threads, FunctionRef<void(size_t, unsigned)> body) {
  if (count == 0) return;
  const bool inside = here.pool == state_.get();
  if (inside && here.in_loop) {
    for (size_t i = 0; i < count; ++i) body(i, here.slot);
    return;
  }
  std::unique_lock outside(state_->outside, std::defer_lock);
  if (!inside) outside.lock();
  const Here before = here;
  here = Here{state_.get(), inside ? here.slot : size(), true};

  const size_t others = inside ? size() - 1 : size();
  const size_t wanted = std::min({count - 1, static_cast<size_t>(max_threads > 0 ? max_threads - 1 : 0), others});
  Loop loop{body, count, static_cast<unsigned>(wanted)};
  if (wanted == 0) {
    loop.work(here.slot);
  } else {
    {
      std::lock_guard lock(state_->mutex);
      state_->loops.push_back(&loop);
    }
    for (size_t i = 0; i < wanted; ++i) state_->work_ready.notify_one();
    loop.work(here.slot);
    std::unique_lock lock(state_->mutex);
    std::erase(state_->loops, &loop);  // helpers that did not come in time are not needed
    state_->helper_left.wait(lock, [&] { return loop.helpers_active == 0; });
  }
  here = before;
}

void ThreadPool::run_on_pool(std::function<void()> work, std::function<void()> done) {
  {
    std::lock_guard lock(state_->mutex);
    state_->jobs.push_back(Job{std::move(work), std::move(done)});
  }
  state_->work_ready.notify_one();
}

}  // namespace sealedge
