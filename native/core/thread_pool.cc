#include "core/thread_pool.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <deque>
#include <mutex>
#include <vector>

#include "core/long_slices.h"

namespace sealedge {
namespace {

// Kernels keep large scratch elsewhere; what runs on these stacks directly is the loop below and, without hooks, the
// kernels.
constexpr size_t kThreadStackBytes = 1024 * 1024;

// How long a helper looks for the run's next loop before it sleeps, and a caller for its last helper. The loops of a
// run mostly follow each other within that time, and waking a thread takes some 50 us (several times that where a
// virtual machine has put the processor to sleep): with helpers that slept between loops, four threads were slower than
// one.
constexpr std::chrono::microseconds kPatience{400};
// The same between two runs, if they follow each other as closely.
constexpr std::chrono::microseconds kPatienceBetweenRuns{100};

int64_t now_ticks() { return std::chrono::steady_clock::now().time_since_epoch().count(); }
constexpr int64_t in_ticks(std::chrono::microseconds time) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(time).count();
}

void pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Calls done() until it holds or time is up, and says whether it held.
template <typename Done>
bool spin_until(std::chrono::microseconds patience, const Done& done) {
  constexpr int kLooksPerClock = 32;
  const auto end = std::chrono::steady_clock::now() + patience;
  do {
    for (int look = 0; look < kLooksPerClock; ++look) {
      if (done()) return true;
      pause_briefly();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

// The sections under the pool's mutex are short: who finds it taken is better off looking again than going to sleep.
std::unique_lock<std::mutex> lock_soon(std::mutex& mutex) {
  std::unique_lock lock(mutex, std::try_to_lock);
  for (int look = 0; look < 100 && !lock.owns_lock(); ++look) {
    pause_briefly();
    (void)lock.try_lock();
  }
  if (!lock.owns_lock()) lock.lock();
  return lock;
}

// One parallel_for in progress. Lives on its caller's stack; listed while it still wants helpers.
struct Loop {
  FunctionRef<void(size_t, unsigned)> body;
  size_t count;
  unsigned helpers_wanted;  // under the pool's mutex
  // Raised under the mutex. Lowered without it, after which a helper leaves the loop alone: it may be gone.
  std::atomic<unsigned> helpers_active{0};
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
  unsigned sleeping = 0;
  bool stopping = false;
  // What spinning threads look at instead of the above; written under the mutex.
  std::atomic<bool> loops_listed{false};
  std::atomic<bool> other_work{false};  // jobs, or stopping
  std::atomic<unsigned> looking{0};     // helpers that spin
  std::atomic<unsigned> callers_asleep{0};
  std::atomic<unsigned> loops_ahead{0};
  // When the last LoopsAhead ended, in ticks of the steady clock, and whether runs follow each other closely.
  std::atomic<int64_t> last_end{0};
  std::atomic<bool> in_close_order{false};
  std::mutex outside;  // one caller from outside at a time: they share the last slot
  std::vector<Thread> threads;

  static void* main(void* argument);
  void serve(Thread& self);
  void help(const Thread& self);
  bool no_run_expected() const;
  Loop* join_loop();
  void leave_loop(Loop& loop);
  void list_loop(Loop& loop);
  void finish_loop(Loop& loop);
  void enter(Thread& self, FunctionRef<void()> work);
  void stop();
};

void* ThreadPool::State::main(void* argument) {
  Thread& self = *static_cast<Thread*>(argument);
  here = Here{self.state, self.slot, false};
  ask_for_long_slices();
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
    ++sleeping;
    work_ready.wait(lock, [&] { return stopping || !loops.empty() || !jobs.empty(); });
    --sleeping;
    // Loops before jobs: a run in progress finishes before the next one starts.
    if (!loops.empty()) {
      const bool wake = loops.back()->helpers_wanted > 1 && sleeping > 0;
      lock.unlock();
      if (wake) work_ready.notify_one();
      enter(self, [&] { help(self); });
      lock.lock();
    } else if (!jobs.empty()) {
      Job job = std::move(jobs.front());
      jobs.pop_front();
      other_work = stopping || !jobs.empty();
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

// Helps one loop after another, until no more are announced, none has turned up for a while, or there are jobs.
void ThreadPool::State::help(const Thread& self) {
  do {
    while (Loop* loop = join_loop()) {
      here.in_loop = true;
      loop->work(self.slot);
      here.in_loop = false;
      leave_loop(*loop);
    }
    ++looking;
    spin_until(kPatience, [&] { return loops_listed || other_work || no_run_expected(); });
    --looking;
  } while (loops_listed);
}

bool ThreadPool::State::no_run_expected() const {
  if (loops_ahead != 0) return false;
  return !in_close_order || now_ticks() - last_end >= in_ticks(kPatienceBetweenRuns);
}

Loop* ThreadPool::State::join_loop() {
  if (!loops_listed) return nullptr;
  const std::unique_lock lock = lock_soon(mutex);
  if (loops.empty()) return nullptr;
  Loop* loop = loops.back();
  ++loop->helpers_active;
  if (--loop->helpers_wanted == 0) loops.pop_back();
  loops_listed = !loops.empty();
  return loop;
}

void ThreadPool::State::leave_loop(Loop& loop) {
  // The caller raises callers_asleep before it looks at helpers_active a last time, this thread looks at them the other
  // way round: one of the two sees what the other did.
  if (--loop.helpers_active != 0 || callers_asleep == 0) return;
  // With the mutex held once, a caller that has looked already sleeps by now.
  {
    const std::unique_lock lock = lock_soon(mutex);
  }
  helper_left.notify_all();
}

void ThreadPool::State::list_loop(Loop& loop) {
  bool wake = false;
  {
    const std::unique_lock lock = lock_soon(mutex);
    loops.push_back(&loop);
    loops_listed = true;
    // A helper that looks comes by itself; one that stops looking just now sees the list before it sleeps.
    wake = looking < loop.helpers_wanted && sleeping > 0;
  }
  // One, which wakes the next: each call costs the caller microseconds.
  if (wake) work_ready.notify_one();
}

// The caller has done its part: helpers that did not come in time are not needed, those that did are waited for.
void ThreadPool::State::finish_loop(Loop& loop) {
  {
    const std::unique_lock lock = lock_soon(mutex);
    std::erase(loops, &loop);
    loops_listed = !loops.empty();
  }
  const auto left = [&] { return loop.helpers_active == 0; };
  if (spin_until(kPatience, left)) return;
  std::unique_lock lock(mutex);
  ++callers_asleep;
  helper_left.wait(lock, left);
  --callers_asleep;
}

void ThreadPool::State::stop() {
  {
    std::lock_guard lock(mutex);
    stopping = true;
    other_work = true;
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
  if (wanted > 0) state_->list_loop(loop);
  loop.work(here.slot);
  if (wanted > 0) state_->finish_loop(loop);
  here = before;
}

void ThreadPool::run_on_pool(std::function<void()> work, std::function<void()> done) {
  {
    std::lock_guard lock(state_->mutex);
    state_->jobs.push_back(Job{std::move(work), std::move(done)});
    state_->other_work = true;
  }
  state_->work_ready.notify_one();
}

ThreadPool::LoopsAhead::LoopsAhead(ThreadPool* pool) : pool_(pool) {
  if (!pool_) return;
  State& state = *pool_->state_;
  if (++state.loops_ahead == 1) {
    state.in_close_order = now_ticks() - state.last_end < in_ticks(kPatienceBetweenRuns);
  }
}

ThreadPool::LoopsAhead::~LoopsAhead() {
  if (!pool_) return;
  State& state = *pool_->state_;
  state.last_end = now_ticks();
  --state.loops_ahead;
}

}  // namespace sealedge
