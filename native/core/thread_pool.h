// A fixed pool of threads for whole runs and for the loops inside them. Between runs its threads sleep; signals are
// blocked on all of them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "core/function_ref.h"
#include "core/result.h"

namespace sealedge {

// How a pool thread enters work. The memory room uses this to run all work on stacks of its own making, without this
// room knowing of it: work(argument) is called inside enter(), which returns when it is done.
struct ThreadHooks {
  Result<void*> (*create)();  // once per thread, before it starts
  void (*enter)(void* state, void (*work)(void*), void* argument);
  void (*destroy)(void* state);
};

// CPUs this process may use: the affinity mask, limited by the cgroup's CPU quota rounded up. At least 1.
unsigned default_thread_count();

class ThreadPool {
 public:
  static Result<std::unique_ptr<ThreadPool>> create(unsigned thread_count, const ThreadHooks* hooks = nullptr);
  // Finishes what was queued, then joins. Not from a pool thread.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  unsigned size() const;
  // Thread slots are 0 .. slot_count()-1: one per pool thread, and the last for a caller from outside (one at a time).
  unsigned slot_count() const { return size() + 1; }

  // Calls body(index, thread_slot) once for every index in [0, count), on at most max_threads threads of which the
  // caller is one, and returns when all are done. No two calls run on one slot at a time. Called inside a body, it runs
  // inline.
  void parallel_for(size_t count, unsigned max_threads, FunctionRef<void(size_t index, unsigned thread_slot)> body);

  // While one of these lives, helpers that have finished a loop look for the next one for a while before they sleep.
  class LoopsAhead {
   public:
    explicit LoopsAhead(ThreadPool* pool);  // may be null
    ~LoopsAhead();
    LoopsAhead(const LoopsAhead&) = delete;
    LoopsAhead& operator=(const LoopsAhead&) = delete;

   private:
    ThreadPool* pool_;
  };

  // Queues work for one pool thread; done() follows on the same thread, after the hooks have left (stack wiped). Work
  // may call parallel_for.
  void run_on_pool(std::function<void()> work, std::function<void()> done);

 private:
  struct State;
  explicit ThreadPool(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sealedge
