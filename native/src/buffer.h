// A zeroed block of numbers that starts on a 64-byte line (one cache line, one AVX-512 register).
// The pages come from calloc, so a large block costs physical memory only where it is written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace mrt {

constexpr std::size_t kAlignment = 64;

template <class Number>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t count) : count_(count) {
    if (count == 0) return;
    if (count > (std::numeric_limits<std::size_t>::max() - kAlignment) / sizeof(Number)) throw std::bad_alloc();
    block_.reset(std::calloc(count * sizeof(Number) + kAlignment, 1));
    if (!block_) throw std::bad_alloc();
    const auto address = reinterpret_cast<std::uintptr_t>(block_.get());
    data_ = reinterpret_cast<Number*>((address + kAlignment - 1) / kAlignment * kAlignment);
  }
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    block_ = std::move(other.block_);
    data_ = other.data_;
    count_ = other.count_;
    other.data_ = nullptr;
    other.count_ = 0;
    return *this;
  }

  Number* data() { return data_; }
  const Number* data() const { return data_; }
  std::size_t size() const { return count_; }
  std::size_t bytes() const { return count_ * sizeof(Number); }

  /// Gives the memory of whole pages back to the system, where it takes them; the numbers are worth nothing afterwards, and the block is there as before.
  void forget() {
#if defined(__linux__)
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto from = (reinterpret_cast<std::uintptr_t>(data_) + page - 1) / page * page;
    const auto to = (reinterpret_cast<std::uintptr_t>(data_) + bytes()) / page * page;
    if (from < to) madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
#endif
  }

 private:
  struct Free {
    void operator()(void* block) const { std::free(block); }
  };
  std::unique_ptr<void, Free> block_;
  Number* data_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace mrt
