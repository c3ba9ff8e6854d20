// Loops in blocks that threads share. Sums are made block by block, whose size does not depend on threads: the same bits on any
// number of them.
#pragma once
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace ultraprep {

// Threads that take blocks of a loop in turn with the caller. One that wakes late finds nothing left, and nobody waits for it.
class Pool {
 public:
  static Pool& shared() {
    static Pool* pool = new Pool();  // never destroyed: its threads run until the process ends
    return *pool;
  }

  void run(int64_t blocks, const std::function<void(int64_t)>& body) {
    if (blocks <= 1 || threads_ == 0) {
      for (int64_t i = 0; i < blocks; i++) body(i);
      return;
    }
    std::lock_guard<std::mutex> one(running_);
    auto work = std::make_shared<Work>(blocks, body);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      work_ = work;
      round_++;
    }
    for (int64_t i = 1; i < blocks && i <= threads_; i++) wake_.notify_one();
    work->take();
    while (work->done.load(std::memory_order_acquire) < blocks) std::this_thread::yield();
  }

 private:
  struct Work {
    Work(int64_t blocks, std::function<void(int64_t)> body) : blocks(blocks), body(std::move(body)) {}
    void take() {
      for (int64_t i; (i = next.fetch_add(1)) < blocks;) {
        body(i);
        done.fetch_add(1, std::memory_order_release);
      }
    }
    const int64_t blocks;
    const std::function<void(int64_t)> body;
    std::atomic<int64_t> next{0}, done{0};
  };

  // Made inside a kernel's first call, so that its threads inherit how TensorFlow has small numbers treated there (as zero).
  Pool() {
    const char* limit = std::getenv("TF_NUM_INTRAOP_THREADS");
    const int cores = limit ? std::atoi(limit) : static_cast<int>(std::thread::hardware_concurrency());
    try {
      while (threads_ + 1 < std::min(cores, 16)) {
        std::thread([this] { serve(); }).detach();
        threads_++;
      }
    } catch (const std::system_error&) {
      // As many as the system gives.
    }
  }

  void serve() {
    for (uint64_t seen = 0;;) {
      std::shared_ptr<Work> work;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return round_ != seen; });
        seen = round_;
        work = work_;
      }
      work->take();
    }
  }

  int threads_ = 0;
  std::mutex running_, mutex_;
  std::condition_variable wake_;
  uint64_t round_ = 0;
  std::shared_ptr<Work> work_;
};

// Elements of a block: 60 us of work and more, where waking a thread takes 10 to 50.
constexpr int64_t BLOCK = 1 << 16;

inline int64_t rowsOfBlock(int64_t each) { return std::max<int64_t>(1, BLOCK / std::max<int64_t>(1, each)); }
inline int64_t blocksOf(int64_t count, int64_t each) { return (count + rowsOfBlock(each) - 1) / rowsOfBlock(each); }

// `body(from, to, block)` over [0, count) in blocks of about BLOCK elements of `each`.
template <typename Body>
void inBlocks(int64_t count, int64_t each, Body body) {
  const int64_t rows = rowsOfBlock(each);
  Pool::shared().run(blocksOf(count, each),
                     [&](int64_t i) { body(i * rows, std::min(count, (i + 1) * rows), i); });
}

}  // namespace ultraprep
