#include "memory/secret_stack.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <array>
#include <csignal>
#include <mutex>
#include <vector>

#include "memory/regions.h"
#include "memory/registers.h"
#include "memory/secret_region.h"
#include "memory/wipe.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SEALEDGE_STACKS_DISABLED 1
#endif
#endif

namespace sealedge {
namespace {

thread_local bool on_stack = false;

class SecretStack {
 public:
  static Result<SecretStack*> create() {
    SEALEDGE_ASSIGN(uint8_t* base, secret_map(kSecretStackBytes, "stack"));
    return new SecretStack(base);
  }
  ~SecretStack() { secret_unmap(base_, kSecretStackBytes); }
  SecretStack(const SecretStack&) = delete;
  SecretStack& operator=(const SecretStack&) = delete;

  void run(FunctionRef<void()> work) {
#if defined(SEALEDGE_STACKS_DISABLED)
    work();
    clear_vector_registers();
#else
    ucontext_t inside;
    getcontext(&inside);
    inside.uc_stack.ss_sp = base_;
    inside.uc_stack.ss_size = kSecretStackBytes;
    inside.uc_link = &outside_;
    sigfillset(&inside.uc_sigmask);
    work_ = &work;
    const auto self = reinterpret_cast<uintptr_t>(this);
    // makecontext passes ints: the pointer goes in two halves.
    makecontext(&inside, reinterpret_cast<void (*)()>(&SecretStack::entry), 2, static_cast<unsigned>(self >> 32),
                static_cast<unsigned>(self));
    on_stack = true;
    swapcontext(&outside_, &inside);
    on_stack = false;
    wipe_touched();
#endif
  }

 private:
  explicit SecretStack(uint8_t* base) : base_(base) {}

  static void entry(unsigned high, unsigned low) {
    auto* self = reinterpret_cast<SecretStack*>((static_cast<uintptr_t>(high) << 32) | low);
    (*self->work_)();
    clear_vector_registers();
  }

  // Pages come on first touch and stay, so the lowest resident page bounds how deep any run ever went. Wiping the rest
  // would only make the kernel hand out the pages.
  void wipe_touched() {
    std::array<unsigned char, kSecretStackBytes / 4096> resident;
    const size_t pages = kSecretStackBytes / page_bytes();
    size_t first = 0;
    if (mincore(base_, kSecretStackBytes, resident.data()) == 0) {
      while (first < pages && (resident[first] & 1) == 0) ++first;
    }
    wipe(base_ + first * page_bytes(), kSecretStackBytes - first * page_bytes());
  }

  uint8_t* base_;
  [[maybe_unused]] ucontext_t outside_{};
  FunctionRef<void()>* work_ = nullptr;
};

// Stacks of run_on_secret_stack that wait for their next caller. As many as there ever were callers at one time.
struct IdleStacks {
  std::mutex mutex;
  std::vector<SecretStack*> stacks;
};

IdleStacks& idle_stacks() {
  static IdleStacks& instance = *new IdleStacks;
  return instance;
}

Result<SecretStack*> borrow_stack() {
  {
    IdleStacks& idle = idle_stacks();
    std::lock_guard lock(idle.mutex);
    if (!idle.stacks.empty()) {
      SecretStack* stack = idle.stacks.back();
      idle.stacks.pop_back();
      return stack;
    }
  }
  return SecretStack::create();
}

void give_back(SecretStack* stack) {
  std::lock_guard lock(idle_stacks().mutex);
  idle_stacks().stacks.push_back(stack);
}

Result<void*> create_for_thread() {
  SEALEDGE_ASSIGN(SecretStack * stack, SecretStack::create());
  return static_cast<void*>(stack);
}

void enter_on_thread(void* state, void (*work)(void*), void* argument) {
  static_cast<SecretStack*>(state)->run([&] { work(argument); });
}

void destroy_for_thread(void* state) { delete static_cast<SecretStack*>(state); }

}  // namespace

bool on_secret_stack() { return on_stack; }

Result<void> run_on_secret_stack(FunctionRef<void()> work) {
  if (on_stack) {
    work();
    return {};
  }
  SEALEDGE_ASSIGN(SecretStack * stack, borrow_stack());
  stack->run(work);
  give_back(stack);
  return {};
}

const ThreadHooks& secret_thread_hooks() {
  static constexpr ThreadHooks hooks{&create_for_thread, &enter_on_thread, &destroy_for_thread};
  return hooks;
}

}  // namespace sealedge
